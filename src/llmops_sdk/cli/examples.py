"""The packaged examples: specification files and scripts."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_sdk.errors import SpecError, did_you_mean


@attrs.frozen
class Example:
    """A packaged example.

    Attributes:
        name: The name of its file without the suffix.
        path: The file: a YAML specification or a Python script.
        summary: The first line of its comment or docstring.
    """

    name: str
    path: Path
    summary: str


def list_examples() -> list[Example]:
    """Return the examples, by name."""
    paths = sorted(path for path in _folder().iterdir() if path.suffix in (".yaml", ".py"))
    return [Example(path.stem, path, _summary(path)) for path in paths]


def find_example(name: str) -> Example:
    """Return one example.

    Raises:
        SpecError: There is none of this name.
    """
    examples = {example.name: example for example in list_examples()}
    if name not in examples:
        message = f"there is no specification file and no example {name!r}{did_you_mean(name, examples)}"
        raise SpecError(message)
    return examples[name]


def _folder() -> Path:
    """Return the folder of the examples: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parents[1] / "_examples"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "examples"


def _summary(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip("#\"' ")
        if text and not text.startswith("!"):
            return text
    return ""
