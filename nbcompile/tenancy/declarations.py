"""WorkflowDeclaration + what the person allows -> what is denied. The notebook itself can allow nothing."""

from __future__ import annotations

from collections.abc import Iterator

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.notebook import Notebook
from nbcompile.model.personal import PersonalSettings
from nbcompile.model.workflow import Permission, Question, WorkflowDeclaration
from nbcompile.rules import policy as rules

_RULES = {
    Permission.INLINE_DEPLOYMENTS: (rules.INLINE_DEPLOYMENT_DENIED, "describes the deployment `{}` itself"),
    Permission.INTERPRETER: (rules.INTERPRETER_DENIED, "chooses the program `{}` to run the cell"),
    Permission.SERIALIZERS: (rules.SERIALIZER_DENIED, "runs code of its own to send `{}`"),
    Permission.WORKDIR: (rules.WORKDIR_DENIED, "names the path `{}` outside the step's directory"),
}


def check_declarations(workflow: WorkflowDeclaration, notebook: Notebook, personal: PersonalSettings, path: str) -> tuple[Diagnostic, ...]:
    """One finding for each thing that is denied; `path` is the person's file, for the advice."""
    return tuple(_denials(workflow, notebook, personal, path))


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


def _own_deployment(question: Question, personal: PersonalSettings) -> bool:
    return question.permission is Permission.INLINE_DEPLOYMENTS and question.subject in personal.deployments


def _advice(question: Question, path: str) -> str:
    allow = f"add `allow: [{question.permission.value}]` to {path}"
    if question.permission is Permission.INLINE_DEPLOYMENTS:
        return f"define `{question.subject}` as a deployment of your own, or, if you trust this notebook, {allow}"
    return f"if you trust this notebook, {allow}"
