"""Explanations as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk import Explanation
from llmops_sdk.cli.output.explanation import show_explanation, show_explanations

if TYPE_CHECKING:
    import pytest

EXPLANATION = Explanation(
    step="train.a",
    state="ran",
    reason="the options of trainer 'lora' changed since run r-1",
    changes={"the options of trainer 'lora'": "epochs 1 → 2"},
    details=("compared with run r-1, the run of pipeline 'p' before it",),
    compared_with="r-1",
)


def test_a_step_has_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    """And one for each further sentence."""
    show_explanation(EXPLANATION)

    assert (
        "ran      train.a: the options of trainer 'lora' changed since run r-1\n"
        "         the options of trainer 'lora': epochs 1 → 2\n"
        "Compared with run r-1, the run of pipeline 'p' before it.\n"
    ) == capsys.readouterr().out


def test_a_run_has_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    """With the changes in brackets."""
    show_explanations("r-2", [EXPLANATION])

    assert (
        "ran      train.a: the options of trainer 'lora' changed since run r-1 "
        "(the options of trainer 'lora': epochs 1 → 2)\n"
        "more about a step: llmops explain r-2 STEP\n"
    ) == capsys.readouterr().out
