"""The page in a bundle that says what is in it and how to run it."""

from __future__ import annotations

from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan


def readme_bytes(notebook: Notebook, plan: Plan) -> bytes:
    """Markdown for the person who finds the bundle."""
    rows = "\n".join(f"| `{s.id}` | {', '.join(str(c) for c in s.cells)} | {_cell(s.label)} | {_cell(s.why)} |" for s in plan.steps)
    return f"""\
# {notebook.name}, compiled

`workflow.cwl` is a CWL v1.2 workflow made from a notebook. Its result is the executed notebook.
It needs a CWL engine, and a `python3` on the PATH that has the libraries the notebook imports, and IPython.

```sh
cwltool --outdir results workflow.cwl inputs.yml
cwltool --parallel --outdir results workflow.cwl inputs.yml
toil-cwl-runner --outdir results workflow.cwl inputs.yml
arvados-cwl-runner workflow.cwl inputs.yml
```

For StreamFlow, name the workflow in a `streamflow.yml` and run `streamflow run --outdir results streamflow.yml`:

```yaml
version: v1.0
workflows:
  main:
    type: cwl
    config: {{file: workflow.cwl, settings: inputs.yml}}
```

| step | cells | title | why these cells are together |
|---|---|---|---|
{rows}

Made by nbcompile; build the notebook again instead of changing these files.
""".encode()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
