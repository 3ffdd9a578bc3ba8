"""What every kind of condition shares: levels, findings, validators."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.conditions.condition import Finding, metric_of
from llmops_sdk.gate.outcome import Outcome

from ..cases import case_of


def test_a_no_go_shares_its_level_among_the_checks() -> None:
    """A GO needs all of them, each at the full level."""
    case = case_of({"a": [0.5] * 20}, checks=4)

    assert (0.05, 0.0125) == (case.go_level, case.no_go_level)


def test_rivals_are_those_with_a_result() -> None:
    """A candidate that failed was not chosen among."""
    assert ("a", "b") == case_of({"a": [0.5], "b": [0.5]}, rivals=("a", "b", "failed")).rivals


@pytest.mark.parametrize(
    ("expected", "holds", "broken", "problem"),
    [
        (Outcome.GO, True, False, ""),
        (Outcome.NO_GO, False, True, ""),
        (Outcome.INCONCLUSIVE, False, False, ""),
        (Outcome.INCONCLUSIVE, True, False, "there are too few records"),
    ],
)
def test_a_problem_decides_nothing(expected: Outcome, *, holds: bool, broken: bool, problem: str) -> None:
    """Neither GO nor NO-GO."""
    assert expected is Finding(0.1, 0.0, 0.2, holds=holds, broken=broken, problem=problem).outcome


def test_a_candidate_without_the_metric_is_refused() -> None:
    """Its evaluator failed, for example."""
    case = case_of({"a": [0.5] * 20})

    assert "rougeL" == metric_of(case, "rougeL").name
    with pytest.raises(SpecError, match="candidate 'a' has no scores of 'bertscore' on 'sales'"):
        metric_of(case, "bertscore")
