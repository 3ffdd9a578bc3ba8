"""Judging forms: which cells are compared, and what their endpoints report."""

from __future__ import annotations

from collections.abc import Callable

from llmops_sdk import Result


def test_cells_of_one_prompt_and_dataset_are_compared(llmops_run: Callable[..., Result]) -> None:
    """Each dataset has its own result; stop strings are those of the prompt and of the pipeline."""
    result = llmops_run(
        datasets=[{"use": "lines", "records": 40}, {"use": "lines", "name": "more", "records": 60}],
        models=[{"use": "echo", "name": "m", "fine_tune": False, "serve_as": ["own", "loud"]}],
        generation={"stop": ["END"]},
    )

    lines, more = (board.forms[0] for board in result.leaderboards)
    assert (20, 30) == (lines.forms[0].agreement.answers, more.forms[0].agreement.answers)
    suspects = {suspect.name: suspect for suspect in lines.forms[0].suspects}
    assert ("'END'", "same") == (suspects["stop strings"].reference, suspects["stop strings"].state)
    assert {
        "weights",
        "chat template",
        "BOS",
        "EOS",
        "context length",
        "number format",
        "tokens of the prompt",
    } < suspects.keys()


def test_a_run_without_forms_has_none(llmops_run: Callable[..., Result]) -> None:
    """And its verdict is what it was."""
    (board,) = llmops_run().leaderboards
    assert () == board.forms
