"""The files of a cell, read side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import RecordError
from llmops_sdk.steps.cell.files import CellFiles, EvaluatorFiles
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.data import Split
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.plan import Cell, Component
from llmops_sdk.values.prompts import TextPrompt, TextTemplate
from llmops_sdk.values.serial import to_line

OUTCOMES: list[Outcome] = [
    Answered(0, Answer("A")),
    Unanswered(1, "refused"),
    Answered(2, Answer("C")),
    Pending(3, "busy"),
]


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> CellFiles:
    """Four records, two of them answered."""
    test, generations = tmp_path / "test.jsonl", tmp_path / "generations.jsonl"
    test.write_text("".join(f'{{"context": "{text}"}}\n' for text in "abcd"), encoding="utf-8")
    generations.write_bytes(b"".join(to_line(outcome, Outcome) for outcome in OUTCOMES))
    cell = Cell("m.p.d", "m", "m", "p", "d")
    return CellFiles(cell, Split(test, 4, ""), generations, TextTemplate("say {context}"))


@pytest.fixture(name="evaluator")
def _evaluator() -> EvaluatorFiles:
    unused: Any = None
    return EvaluatorFiles(Component("e", "e", {}, ""), unused)


def test_records_are_read_with_their_outcomes(files: CellFiles) -> None:
    """In the split's order, all of them."""
    assert [({"context": text}, outcome) for text, outcome in zip("abcd", OUTCOMES, strict=True)] == list(
        files.records()
    )


def test_evaluators_get_the_answered_records(files: CellFiles, evaluator: EvaluatorFiles) -> None:
    """Rendered through the prompt; of these, only the ones that are to be scored."""
    assert [
        Generation(0, {"context": "a"}, TextPrompt("say a"), Answer("A")),
        Generation(2, {"context": "c"}, TextPrompt("say c"), Answer("C")),
    ] == list(evaluator.generations(files))
    assert [2] == [generation.index for generation in evaluator.generations(files, lambda index: index == 2)]


def test_a_damaged_line_is_an_error_with_its_file(files: CellFiles) -> None:
    """Not a shift of all records after it."""
    with files.generations.open("ab") as file:
        file.write(b"{}\n")
    files.generations.write_bytes(files.generations.read_bytes().replace(b"Unanswered", b"Unknown"))

    with pytest.raises(RecordError, match=r"line 2 of '.*generations\.jsonl' is damaged"):
        list(files.records())
