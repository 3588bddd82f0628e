"""The reference pages are made from the code: `pytest --accept tests/golden/test_reference.py` writes them."""

import json
import re
from pathlib import Path

import click
import pytest

from nbcompile.backend.plugins import load
from nbcompile.cli import cli
from nbcompile.model.project import ProjectSettings
from nbcompile.model.schema import json_schema
from nbcompile.rules import ALL_RULES
from nbcompile.tenancy.deployments import deployments_schema
from tests.golden.compare import compare_tree

DOCS = Path(__file__).parents[2] / "docs"


def rule_pages():
    index = ["# Findings\n", "| code | name | severity | what it finds |", "|---|---|---|---|"]
    index += [f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.value} | {rule.summary} |" for rule in ALL_RULES]
    pages = {
        f"{rule.code}.md": f"# {rule.code} {rule.name}\n\n{rule.summary} ({rule.severity.value})\n\n{rule.explanation}"
        for rule in ALL_RULES
    }
    return {**pages, "README.md": "\n".join(index) + "\n"}


def command_pages():
    context = click.Context(cli, info_name="nbcompile", help_option_names=["-h", "--help"])
    pages = {"README.md": block(cli, context)}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        inner = click.Context(command, info_name=name, parent=context)
        text = block(command, inner)
        if isinstance(command, click.Group):
            for sub in command.list_commands(inner):
                part = command.get_command(inner, sub)
                text += "\n" + block(part, click.Context(part, info_name=sub, parent=inner))
        pages[f"{name}.md"] = text
    return pages


def block(command, context):
    context.terminal_width = context.max_content_width = 100
    return f"# `{context.command_path}`\n\n```\n{command.get_help(context).rstrip()}\n```\n"


def schemas():
    base = "https://nbcompile.example/schema"
    found = {
        "nbcompile-yml.json": json_schema(ProjectSettings, f"{base}/nbcompile.yml/1"),
        "deployments-yml.json": deployments_schema([load("ssh"), load("slurm")], f"{base}/deployments.yml/1"),
    }
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in found.items()}


@pytest.mark.parametrize(
    ("folder", "make"),
    [("rules", rule_pages), ("reference/commands", command_pages), ("reference/schemas", schemas)],
    ids=["rules", "commands", "schemas"],
)
def test_reference_is_current(folder, make, accept):
    compare_tree(DOCS / folder, {name: text.encode() for name, text in make().items()}, accept=accept)


def test_links_lead_somewhere():
    pages = [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CHANGELOG.md"]
    assert pages
    for page in pages:
        for target in re.findall(r"(?<!!)\[[^]\n]*\]\(([^)\s]+)\)", re.sub(r"(?s)```.*?```", "", page.read_text("utf-8"))):
            if not target.startswith(("http://", "https://", "#", "mailto:")):
                assert (page.parent / target.split("#")[0]).exists(), f"{page.relative_to(DOCS.parent)}: {target}"
