"""Runs the notebooks of the examples in a Jupyter kernel, and writes their outputs into them.

What differs from run to run is replaced or left out: the ID of a run, the folder of its record, and the progress.
`--check` compares the outputs instead, and fails if they differ.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
RUN = re.compile(r"\b([a-z][a-z-]*)-\d{8}-\d{6}-[0-9a-f]{4}\b")


def main() -> int:
    """Write or check all notebooks."""
    stale = []
    for path in sorted(EXAMPLES.rglob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        written = _executed(path)
        if written != text:
            stale.append(path.relative_to(EXAMPLES).as_posix())
            if "--check" not in sys.argv:
                path.write_text(written, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"not what its cells print: {', '.join(stale)}; run: python scripts/notebooks.py", file=sys.stderr)
        return 1
    return 0


def _executed(path: Path) -> str:
    """Run a copy of a notebook with the files beside it, and return its text."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="llmops-notebook-") as temporary:
        folder = Path(temporary).resolve() / path.parent.name
        shutil.copytree(path.parent, folder)
        os.environ.update(
            IPYTHONDIR=f"{temporary}/ipython",
            JUPYTER_RUNTIME_DIR=f"{temporary}/jupyter",
            LLMOPS_HOME=f"{temporary}/home",
            LLMOPS_OFFLINE="1",
        )
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # when it ran
            if cell.cell_type == "code":
                outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
                cell.outputs = [_stable(output, str(folder)) for output in outputs]
    notebook.metadata.language_info = {"name": "python"}
    return str(nbformat.writes(notebook)) + "\n"


def _stable(output: nbformat.NotebookNode, folder: str) -> nbformat.NotebookNode:
    """Return an output without the folder that it ran in and without IDs of runs."""
    texts = output.get("data", output)
    for kind, text in texts.items():
        if isinstance(text, str):
            texts[kind] = RUN.sub(r"\1-20260101-120000-0000", text.replace(f"{folder}/", ""))
    return output


if __name__ == "__main__":
    sys.exit(main())
