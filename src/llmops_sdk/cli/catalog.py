"""The packaged examples: what each shows and needs, its files, and the commands to try.

An example is a file of the folder `examples`, or a folder there whose main file is called `pipeline` or `notebook`. The head
of the main file (its first comment, docstring or cell) describes it: a summary in the first line, a line `Needs: ...`, and
the indented commands below `Try:`, which work in a copy of the example.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import attrs

from llmops_sdk.errors import SpecError, UserError, did_you_mean

SCRIPT, NOTEBOOK = ".py", ".ipynb"
_SUFFIXES = (".yaml", SCRIPT, NOTEBOOK)
_MAIN = ("pipeline", "notebook")


@attrs.frozen
class Example:
    """A packaged example.

    Attributes:
        name: Of its folder, or of its file without the suffix.
        main: The file that runs: a YAML specification, a Python script or a notebook.
        files: All its files, the main one first.
        summary: What it shows.
        needs: Time, downloads and accounts.
        commands: What to type in a copy of it; a comment may follow a command.
    """

    name: str
    main: Path
    files: tuple[Path, ...]
    summary: str
    needs: str
    commands: tuple[str, ...]

    def file(self, name: str) -> Path:
        """Return one of its files.

        Raises:
            UserError: There is none of this name.
        """
        files = {path.name: path for path in self.files}
        if name not in files:
            message = f"the example {self.name!r} has no file {name!r}{did_you_mean(name, files)}"
            raise UserError(message)
        return files[name]

    def specification(self) -> Path:
        """Return the specification file.

        Raises:
            SpecError: It is a script or a notebook.
        """
        if self.main.suffix == SCRIPT:
            message = f"the example {self.name!r} is a script; run it with: llmops examples run {self.name}"
            raise SpecError(message)
        if self.main.suffix == NOTEBOOK:
            message = (
                f"the example {self.name!r} is a notebook; copy it with `llmops examples copy {self.name}`, and open it "
                "in Jupyter or an editor"
            )
            raise SpecError(message)
        return self.main


def list_examples() -> list[Example]:
    """Return the examples, the first to try first."""
    examples = [_read(main) for path in _folder().iterdir() if (main := _main(path))]
    return sorted(examples, key=lambda example: (example.name != "quickstart", example.name))


def find_example(name: str, *, or_file: bool = False) -> Example:
    """Return one example.

    Args:
        name: Of the example.
        or_file: The name could also have been that of a file, which does not exist.

    Raises:
        SpecError: There is none of this name.
    """
    examples = {example.name: example for example in list_examples()}
    if name not in examples:
        missing = "there is no specification file and no example" if or_file else "no example is called"
        message = f"{missing} {name!r}{did_you_mean(name, examples)}"
        raise SpecError(message)
    return examples[name]


def _folder() -> Path:
    """Return the folder of the examples: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parents[1] / "_examples"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "examples"


def _main(path: Path) -> Path | None:
    """Return the main file of an example: a file itself, or one in its folder."""
    if path.is_dir():
        files = (path / f"{stem}{suffix}" for stem in _MAIN for suffix in _SUFFIXES)
        return next((file for file in files if file.is_file()), None)
    return path if path.suffix in _SUFFIXES else None


def _read(main: Path) -> Example:
    files, name = [main], main.stem
    if main.parent != _folder():
        name = main.parent.name
        files += sorted(file for file in main.parent.iterdir() if _belongs(file) and file != main)
    head = _head(main)
    needs = next((line.partition(":")[2].strip() for line in head if line.startswith("Needs:")), "")
    return Example(name.replace("_", "-"), main, tuple(files), head[0].lstrip("# "), needs, _commands(head))


def _belongs(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(".") and file.suffix not in (".html", ".pyc")


def _head(main: Path) -> list[str]:
    """Return the lines that describe an example."""
    text = main.read_text(encoding="utf-8")
    if main.suffix == SCRIPT:
        return (ast.get_docstring(ast.parse(text)) or "").splitlines() or [""]
    if main.suffix == NOTEBOOK:
        return "".join(json.loads(text)["cells"][0]["source"]).splitlines()
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line[1:].removeprefix(" ").rstrip())
    return comment or [""]


def _commands(head: list[str]) -> tuple[str, ...]:
    """Return the indented lines below `Try:`."""
    commands: list[str] = []
    for line in head[head.index("Try:") + 1 :] if "Try:" in head else ():
        if line.startswith(" "):
            commands.append(line.strip())
        elif line or commands:
            break
    return tuple(commands)
