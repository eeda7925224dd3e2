"""Notebooks run from top to bottom, assert what they claim, and are kept without outputs."""

import json
import re
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
SECONDS = 120  # for a whole notebook; alone on two cores each takes a fraction of this

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path):
    """A type and a source for each cell, and the cell."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        yield cell["cell_type"], "".join(cell["source"]), cell


@each_notebook
def test_is_kept_without_outputs(path):
    code = [cell for kind, _, cell in cells_of(path) if kind == "code"]
    assert code
    assert [c["id"] for c in code if c["outputs"] or c["execution_count"] is not None] == []


@each_notebook
def test_every_section_asserts(path):
    sections = {}
    for kind, source, _ in cells_of(path):
        if kind == "markdown" and source.startswith("## "):
            code = sections.setdefault(source.splitlines()[0], [])
        elif kind == "code" and sections:
            code.append(source)
    assert sections
    asserts = re.compile(r"^\s*(\w+\.)*assert", re.MULTILINE)
    assert [title for title, code in sections.items() if not asserts.search("\n".join(code))] == []


@each_notebook
def test_runs(path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    deadline = time.monotonic() + SECONDS
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout_func=lambda cell: max(1, deadline - time.monotonic()),
        resources={"metadata": {"path": ROOT}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    warnings = [o.text for o in outputs if o.get("name") == "stderr" and "Warning" in o.text]
    assert warnings == []
