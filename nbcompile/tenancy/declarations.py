"""WorkflowDeclaration + what the person allows -> what is denied. The notebook itself can allow nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.notebook import Notebook
from nbcompile.model.personal import PersonalSettings
from nbcompile.model.plan import Plan
from nbcompile.model.workflow import CellDeclaration, InlineDeployment, Permission, Question, WorkflowDeclaration
from nbcompile.rules import policy as rules
from nbcompile.rules.workflow import WITHOUT_EFFECT

_THIS_MACHINE = "local"
_REACHED = ("ssh", "slurm")
_RULES = {
    Permission.INLINE_DEPLOYMENTS: (rules.INLINE_DEPLOYMENT_DENIED, "describes the deployment `{}` itself"),
    Permission.INTERPRETER: (rules.INTERPRETER_DENIED, "chooses the program `{}` to run the cell"),
    Permission.SERIALIZERS: (rules.SERIALIZER_DENIED, "runs code of its own to send `{}`"),
    Permission.WORKDIR: (rules.WORKDIR_DENIED, "names the path `{}` outside the step's directory"),
}


def check_declarations(workflow: WorkflowDeclaration, notebook: Notebook, personal: PersonalSettings, path: str) -> tuple[Diagnostic, ...]:
    """One finding for each thing that is denied; `path` is the person's file, for the advice."""
    return (*_denials(workflow, notebook, personal, path), *_unused(workflow, notebook, personal))


def _denials(workflow: WorkflowDeclaration, notebook: Notebook, personal: PersonalSettings, path: str) -> Iterator[Diagnostic]:
    for question in workflow.questions:
        place = Place(question.cell, notebook.code_cells[question.cell].id, key=question.at)
        if _own_deployment(question, personal):
            yield Diagnostic(
                rule=rules.NOTEBOOK_DEPLOYMENT_IGNORED,
                message=f"`{question.subject}` is one of your own deployments, and the notebook's description of it is not used",
                place=place,
            )
        elif question.permission not in personal.allow:
            rule, does = _RULES[question.permission]
            yield Diagnostic(
                rule=rule,
                message=f"the notebook {does.format(question.subject)}",
                place=place,
                help=_advice(question, path),
            )


def _unused(workflow: WorkflowDeclaration, notebook: Notebook, personal: PersonalSettings) -> Iterator[Diagnostic]:
    """What is allowed and nobody asks for on this machine, where steps run with the Python of the run and in directories of ours."""
    for declared in settled(workflow, personal).cells:
        if declared.step is None or (declared.target and declared.target.deployment != _THIS_MACHINE):
            continue
        place = Place(declared.cell, notebook.code_cells[declared.cell].id, key=declared.step.at)
        if declared.interpreter and Permission.INTERPRETER in personal.allow:
            yield Diagnostic(
                rule=WITHOUT_EFFECT,
                message=f"the interpreter `{declared.interpreter}` is not used on this machine, where cells run in the Python of the run",
                place=place._replace(key=declared.step.at[:-1]),
                help="choose it with `--python`, or place the cell elsewhere",
            )
        if (declared.step.workdir or (declared.target and declared.target.workdir)) and Permission.WORKDIR in personal.allow:
            yield Diagnostic(
                rule=WITHOUT_EFFECT,
                message="the `workdir` is not used on this machine, where each step has a directory of its own",
                place=place,
                help="place the cell elsewhere, or take the `workdir` out",
            )


def settled(workflow: WorkflowDeclaration, personal: PersonalSettings) -> WorkflowDeclaration:
    """The declarations with one meaning for each target: the person's own deployment, this machine, or what the notebook describes."""
    return replace(workflow, cells=tuple(_settled(declared, personal) for declared in workflow.cells))


def _settled(declared: CellDeclaration, personal: PersonalSettings) -> CellDeclaration:
    target = declared.target
    if target is None or target.inline is None:
        return declared
    if target.deployment in personal.deployments:
        return replace(declared, target=replace(target, inline=None))
    here = target.inline.type == _THIS_MACHINE
    return replace(declared, target=replace(target, deployment=_THIS_MACHINE, inline=None, service="")) if here else declared


def described_deployments(workflow: WorkflowDeclaration) -> dict[str, InlineDeployment]:
    """The deployments of steps that only the notebook describes."""
    targets = [declared.target for declared in workflow.cells if declared.step and declared.target]
    return {target.deployment: target.inline for target in targets if target.inline}


def check_openable(plan: Plan, workflow: WorkflowDeclaration, notebook: Notebook) -> tuple[Diagnostic, ...]:
    """One finding for each step that is placed where only the notebook says how to get there."""
    described = described_deployments(workflow)
    return tuple(
        Diagnostic(
            rule=rules.DESCRIBED_DEPLOYMENT_NOT_OPENED,
            message=f"only the notebook says how to reach `{step.target}` ({described[step.target].type})",
            place=Place(step.cells[0], notebook.code_cells[step.cells[0]].id),
            help=_way_there(described[step.target]),
        )
        for step in plan.steps
        if step.target in described
    )


def _way_there(deployment: InlineDeployment) -> str:
    """What makes it a deployment of one's own, where there is a backend for it."""
    handed_on = "`nbcompile build --target streamflow` hands it to StreamFlow as it is"
    words = _words_of_login(deployment.config)
    if deployment.type not in _REACHED or not words:
        return f"define `{deployment.name}` as a deployment of your own, or {handed_on}"
    slurm = ["--slurm"] if deployment.type == "slurm" else []
    command = shlex.join(["nbcompile", "deployment", "add", deployment.name, *words, *slurm])
    return f"`{command}` makes it one of your own, or {handed_on}"


def _words_of_login(config: Mapping[str, object]) -> list[str]:
    """The host, user and key of a description, as `nbcompile deployment add` takes them."""
    nodes = config.get("nodes")
    first = nodes[0] if isinstance(nodes, list) and nodes else config.get("hostname")
    login = {**config, **(first if isinstance(first, Mapping) else {"hostname": first})}
    host, user, key = (_word(login.get(name)) for name in ("hostname", "username", "sshKey"))
    if not host:
        return []
    return ["--ssh", f"{user}@{host}" if user else host, *(["--key", key] if key else [])]


def _word(value: object) -> str:
    """The text, if a person may be told to type it."""
    return value if isinstance(value, str) and value.isprintable() and not value.startswith("-") else ""


def _own_deployment(question: Question, personal: PersonalSettings) -> bool:
    return question.permission is Permission.INLINE_DEPLOYMENTS and question.subject in personal.deployments


def _advice(question: Question, path: str) -> str:
    allow = f"add `allow: [{question.permission.value}]` to {path}"
    if question.permission is Permission.INLINE_DEPLOYMENTS:
        return f"define `{question.subject}` as a deployment of your own, or, if you trust this notebook, {allow}"
    return f"if you trust this notebook, {allow}"
