"""What an evaluator asks another model, without a run."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.plugin import Answer, Answered
from llmops_sdk.testing import make_context


def test_without_a_run_everything_is_affordable(tmp_path: Path) -> None:
    """A context that is made by hand counts nothing and holds nothing back."""
    meter = make_context(tmp_path).meter

    assert [1, 2] == list(meter.affordable(iter([1, 2])))
    meter.count(Answered(0, Answer("text")))
    meter.check("the judge")
