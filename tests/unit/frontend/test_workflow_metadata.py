"""What notebooks written for Jupyter Workflow declare is read completely, and what does not fit is an error at its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcompile import api
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.workflow_metadata import read_workflow
from nbcompile.model.workflow import Permission, Port, PortKind, Scatter, ScatterMethod, Serializer, Split


def document(*cells, **whole):
    code = [{"cell_type": "code", "metadata": {"workflow": cell}, "source": "x", "id": f"c{n}"} for n, cell in enumerate(cells)]
    return json.dumps({"cells": code, "metadata": {"workflow": whole} if whole else {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def read(*cells, **whole):
    outcome = read_workflow(read_notebook(document(*cells, **whole).encode(), "n").value)
    assert not [found for found in outcome.diagnostics if found.rule.code == "NB401"], outcome.diagnostics
    return outcome.value


def complaint(*cells, **whole):
    (found,) = read_workflow(read_notebook(document(*cells, **whole).encode(), "n").value).diagnostics
    assert found.rule.code == "NB401"
    return found


def step(**keys):
    return read({"step": keys}).cells[0].step


def test_ports_in_every_spelling():
    assert step(**{"in": ["a", {"name": "b", "type": "name"}, {"type": "file", "valueFrom": "c"}]}).inputs == (
        Port(name="a", value_from="a"),
        Port(name="b", value_from="b"),
        Port(name="c", kind=PortKind.FILE, value_from="c"),
    )
    assert step(out=[{"name": "s", "type": "file", "value": "chr*.gz"}, {"name": "done", "type": "control"}]).outputs == (
        Port(name="s", kind=PortKind.FILE, value="chr*.gz"),
        Port(name="done", kind=PortKind.CONTROL),
    )
    assert step(**{"in": [{"name": "HOST", "type": "env", "valueFrom": "host"}, {"name": "n", "value": 0}]}).inputs == (
        Port(name="HOST", kind=PortKind.ENV, value_from="host"),
        Port(name="n", value=0),
    )


def test_defaults_are_those_of_the_format():
    declared = step()
    assert (declared.autoin, declared.background, declared.scatter, declared.workdir) == (True, False, None, "")
    assert step(scatter={"items": []}).scatter is None
    assert read({"version": "v1.0", "step": {}, "target": {"locations": 1, "workdir": "${TMPDIR}/streamflow"}}).cells[0].target is None


def test_scatter_nests():
    inner = {"items": ["chromosomes", {"name": "merged", "size": 2}, {"name": "sift", "num": 3}], "method": "dotproduct"}
    assert step(scatter={"items": ["populations", inner, {"items": []}]}).scatter == Scatter(
        items=(
            Split(name="populations"),
            Scatter(
                items=(Split(name="chromosomes"), Split(name="merged", size=2), Split(name="sift", num=3)), method=ScatterMethod.DOTPRODUCT
            ),
        )
    )


def test_the_old_spelling():
    cell = {"step": {"in": [{"name": "a", "scatter": {}, "type": "name"}, "b"]}, "target": {"model": "hpc", "resources": 2}}
    declared = read(cell, models={"hpc": {"type": "slurm", "config": {"file": "t"}}}).cells[0]
    assert declared.step.scatter == Scatter(items=(Split(name="a"),))
    assert (declared.target.deployment, declared.target.locations, declared.target.inline.type) == ("hpc", 2, "slurm")


def test_a_cell_replaces_whole_keys_of_the_notebook():
    serializers = {"s": {"predump": "y = x", "postload": "y = x", "type": "file"}}
    whole = {
        "deployments": {"a": {"type": "ssh", "config": {}}},
        "serializers": serializers,
        "interpreter": "/opt/python",
        "version": "v1.0",
    }
    workflow = read(
        {"step": {"in": [{"name": "m", "serializer": "s"}]}, "target": {"deployment": "a"}},
        {"step": {}, "target": {"deployment": "a"}, "deployments": {"b": {"type": "ssh", "config": {}}}, "interpreter": "ipython"},
        **whole,
    )
    first, second = workflow.cells
    assert first.step.inputs[0].serializer == Serializer(predump="y = x", postload="y = x", kind=PortKind.FILE)
    assert (first.interpreter, first.target.inline.name, second.interpreter, second.target.inline) == ("/opt/python", "a", "", None)
    assert [(question.permission, question.subject, question.cell) for question in workflow.questions] == [
        (Permission.INLINE_DEPLOYMENTS, "a", 0),
        (Permission.INTERPRETER, "/opt/python", 0),
        (Permission.SERIALIZERS, "m", 0),
    ]


@pytest.mark.parametrize(
    "pattern", ["/etc/passwd", "../x", "a/../../x", "~/x", "file:///x", "$HOME/x", "a\\..\\x", pytest.param("..", id="parent")]
)
def test_a_path_that_leads_outside_is_a_question(pattern):
    (question,) = read({"step": {"out": [{"name": "f", "type": "file", "value": pattern}]}}).questions
    assert (question.permission, question.subject) == (Permission.WORKDIR, pattern)


def test_an_inline_deployment_has_a_name_that_depends_on_it_alone():
    inline = {"type": "ssh", "config": {"nodes": ["h"]}}
    one, two = (read({"step": {}, "target": {"deployment": {**inline, "external": flag}}}).cells[0].target for flag in (True, False))
    assert one.deployment.startswith("inline-")
    assert one.deployment != two.deployment


@pytest.mark.parametrize(
    ("cell", "message", "key"),
    [
        ([], "`workflow` must be an object, not []", "workflow"),
        ({"version": "v2.0"}, "version 'v2.0' of the format is not known", "version"),
        ({"stepp": {}}, "`stepp` is not a known key", "stepp"),
        ({"step": {"ins": []}}, "`ins` is not a known key", "ins"),
        ({"step": {"in": ["a", "a"]}}, "`a` is declared twice", "in"),
        ({"step": {"in": ["not a name"]}}, "must be the name of a variable", "in"),
        ({"step": {"in": ["a\n"]}}, "must be the name of a variable", "in"),
        ({"step": {"in": [{"type": "file"}]}}, "a port has neither `name` nor `valueFrom`", "in"),
        ({"step": {"in": [{"name": "a", "type": "pickle"}]}}, "must be one of name, file, env, control", "type"),
        ({"step": {"out": [{"name": "A", "type": "env"}]}}, "must be one of name, file, control", "type"),
        ({"step": {"out": [{"name": "a", "scatter": {}}]}}, "`scatter` is not a known key", "scatter"),
        ({"step": {"in": [{"name": "A B", "type": "env"}]}}, "must be the name of a variable of the environment", "name"),
        ({"step": {"in": [{"name": "f", "type": "file", "value": ["a"]}]}}, "must be one line of text", "value"),
        ({"step": {"autoin": "yes"}}, "`autoin` must be true or false", "autoin"),
        ({"step": {"scatter": {"items": ["a", {"items": ["a"]}]}}}, "`a` is scattered twice", "scatter"),
        ({"step": {"scatter": {"items": [{"name": "a", "size": 0}]}}}, "must be a whole number from 1", "size"),
        ({"step": {"scatter": {"items": [{"name": "a", "size": 1, "num": 2}]}}}, "has a `size` and a `num`", "items"),
        ({"step": {"scatter": {"items": ["a"], "method": "zip"}}}, "must be one of cartesian, dotproduct", "method"),
        ({"step": {"in": [{"name": "a", "scatter": {}}], "scatter": {"items": ["b"]}}}, "has a `scatter` of its own", "scatter"),
        ({"step": {"in": [{"name": "a", "serializer": "s"}]}}, "there is no serializer `s`", "serializer"),
        ({"serializers": {"s": {"predump": "return x"}}}, "does not bind `y`", "predump"),
        ({"serializers": {"s": {"predump": "y = ("}}}, "is not Python", "predump"),
        ({"target": {"service": "big"}}, "the target has no `deployment`", "target"),
        ({"target": {"deployment": "a", "model": "a"}}, "both are given", "model"),
        ({"target": {"deployment": "-oProxyCommand=x"}}, "must be the name of a deployment", "deployment"),
        ({"deployments": {"dep\n": {"type": "ssh", "config": {}}}}, "is no name for this", "deployments"),
        ({"deployments": {"d": {"type": "ssh"}}}, "the deployment `d` has no `config`", "d"),
    ],
)
def test_what_does_not_fit_is_an_error_where_it_stands(cell, message, key, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(document(cell), "utf-8")
    (found,) = [one for one in api.analyze(path).diagnostics if one.rule.code == "NB401"]
    assert message in found.message
    assert key in found.place.key
    named = [part for part in found.place.key if isinstance(part, str)][-1]
    assert json.dumps(named) in document(cell).splitlines()[found.file_line - 1] or isinstance(found.place.key[-1], int)


def test_a_scatter_that_is_nested_without_end_is_refused():
    scatter = {"items": ["a"]}
    for _ in range(100):
        scatter = {"items": [scatter]}
    assert "nested deeper" in complaint({"step": {"scatter": scatter}}).message


def test_a_mistake_in_the_whole_notebook_is_told_once():
    found = complaint({"step": {}}, {"step": {}}, models={"a": 3})
    assert found.place.key == ("metadata", "workflow", "models", "a")


def test_a_target_without_a_step_has_no_effect():
    outcome = read_workflow(read_notebook(document({"target": {"deployment": "a"}}).encode(), "n").value)
    assert [found.rule.code for found in outcome.diagnostics] == ["NB402"]
    assert not outcome.value.questions


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.text(max_size=4) | st.sampled_from(["a", "name", "file", "v1.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "step",
                    "target",
                    "in",
                    "out",
                    "items",
                    "name",
                    "type",
                    "scatter",
                    "method",
                    "deployment",
                    "model",
                    "models",
                    "serializers",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_whatever_the_metadata_holds_it_is_read_or_refused(cell, whole):
    text = json.dumps(
        {"cells": [{"cell_type": "code", "source": "", "metadata": {"workflow": cell}}], "metadata": {"workflow": whole}, "nbformat": 4}
    )
    outcome = read_workflow(read_notebook(text.encode(), "n").value)
    assert bool(outcome.value.cells) or any(found.rule.code == "NB401" for found in outcome.diagnostics)
