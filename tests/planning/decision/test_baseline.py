"""The baseline is a candidate, and the margin a difference in the metric's unit."""

from __future__ import annotations

import math

import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.decision.baseline import choose_baseline, choose_margin
from llmops_sdk.plugin import Metric
from llmops_sdk.values.plan import Cell

ROUGE = Metric("rougeL", bounds=(0.0, 1.0))
CELLS = (
    Cell("base.d", "base", "base", "p", "d"),
    Cell("tuned.p.d", "tuned.p", "tuned", "p", "d"),
    Cell("tuned.q.d", "tuned.q", "tuned", "q", "d"),
)


def test_a_candidate_or_a_model_with_one_prompt() -> None:
    """Without any there is no baseline."""
    assert "tuned.q" == choose_baseline(CELLS, ROUGE, "tuned.q", 0.02)
    assert "tuned.p" == choose_baseline(CELLS[:2], ROUGE, "tuned", 0.02)
    assert "" == choose_baseline(CELLS, ROUGE, "", None)
    assert "base" == choose_baseline(CELLS, Metric("words"), "base", 20)


@pytest.mark.parametrize(
    ("named", "margin", "message"),
    [
        ("", 0.02, "margin 0.02 needs a baseline"),
        ("base", None, "baseline 'base' needs a margin: the difference in rougeL that does not matter, such as 0.02"),
        ("bass", 0.02, "the baseline 'bass' is no candidate of this run; did you mean 'base'"),
        ("tuned", 0.02, "baseline 'tuned' has several prompts: name one of its candidates: tuned.p, tuned.q"),
        ("base", 0, "a number above 0 such as 0.02, not 0"),
        ("base", -0.1, "a number above 0 such as 0.02, not -0.1"),
        ("base", math.nan, "a number above 0 such as 0.02, not nan"),
        (
            "base",
            2,
            "margin 2 leaves nothing to show: rougeL lies between 0 and 1; give the margin in the metric's unit",
        ),
    ],
)
def test_what_is_refused(named: str, margin: float | None, message: str) -> None:
    """In one line, before anything runs."""
    with pytest.raises(SpecError, match=message):
        choose_baseline(CELLS, ROUGE, named, margin)


def test_a_baseline_alone_is_compared_with_nothing() -> None:
    """There must be another candidate."""
    with pytest.raises(SpecError, match="the baseline 'base' is the only candidate"):
        choose_baseline(CELLS[:1], ROUGE, "base", 0.02)


def test_a_margin_may_be_left_out_where_the_metric_has_bounds() -> None:
    """It is then 5 % of their distance; the message for another metric has how it is written."""
    assert 0.05 == choose_margin(None, ROUGE, "retention", "")
    assert 0.2 == choose_margin(None, Metric("grade", bounds=(1.0, 5.0)), "retention", "")
    assert 0.1 == choose_margin(0.1, Metric("words"), "retention", "")
    with pytest.raises(SpecError, match=r"^model 'm': serve_as: margin 2 leaves nothing to show"):
        choose_margin(2, ROUGE, "model 'm': serve_as", "")
    with pytest.raises(
        SpecError, match=r"^serve_as needs a margin, because words has no bounds .*: serve_as: \{margin: 3\}$"
    ):
        choose_margin(None, Metric("words"), "serve_as", "serve_as: {margin: 3}")
