"""From a function in code to its place in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import SpecError, metric
from llmops_sdk.functions.references import reference_to


@metric
def brevity(output: str) -> int:
    """Characters."""
    return len(output)


def plain(output: str) -> int:
    return len(output)


class Scores:
    """A class with a metric."""

    @metric
    def length(self, output: str) -> int:
        return len(output)


def test_a_function_is_named_by_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative to the current folder where it is inside of it."""
    file = Path(__file__)
    monkeypatch.chdir(file.parents[1])
    assert f"./functions/{file.name}:brevity" == reference_to(brevity, "metric")
    monkeypatch.chdir(tmp_path)
    assert f"{file}:brevity" == reference_to(brevity, "metric")


def test_what_has_no_place_in_a_file_is_refused() -> None:
    """Lambdas, nested functions, methods, functions of another kind, and what is no function."""

    @metric
    def nested(output: str) -> int:
        return len(output)

    for function, message in (
        (lambda _output: 1, "a lambda has no name in a file"),
        (nested, r"'test_.*nested' is inside of another function or a class"),
        (Scores.length, "'Scores.length' is inside of another function or a class"),
        (plain, "'plain' is not marked as a metric: write @metric above it"),
        (object(), "a metric is a function marked with @metric, not <object"),
    ):
        with pytest.raises(SpecError, match=message):
            reference_to(function, "metric")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="'brevity' is a metric, and is used as a target"):
        reference_to(brevity, "target")


def test_a_function_of_a_notebook_is_refused_with_what_to_write() -> None:
    """A cell has no file that travels."""
    space: dict[str, object] = {"__name__": "__main__"}
    text = "from llmops_sdk import metric\n@metric\ndef short(output):\n    return 1\n"
    exec(compile(text, "<ipython-input-3>", "exec"), space)

    with pytest.raises(SpecError, match=r"'short' is in no file.*%%writefile metrics.py.*'./metrics.py:short'"):
        reference_to(space["short"], "metric")  # type: ignore[arg-type]
