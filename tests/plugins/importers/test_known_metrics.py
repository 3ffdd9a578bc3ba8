from __future__ import annotations

import pytest

from llmops_plugins.importers.known_metrics import known_metric, pass_or_fail


@pytest.mark.parametrize(
    "name",
    ["acc", "acc_norm,none", "exact_match,strict-match", "F1", "Exact Match", "precision_at_5", "pass@1", "match"],
)
def test_shares_are_better_when_higher_and_lie_between_0_and_1(name: str) -> None:
    """The name counts without case, spaces, and what a tool writes after it."""
    metric = known_metric(name)

    assert (name, True, (0.0, 1.0)) == (metric.name, metric.higher_is_better, metric.bounds)


@pytest.mark.parametrize(
    ("name", "bounds"), [("toxicity", (0.0, 1.0)), ("word_error_rate", None), ("perplexity", None)]
)
def test_errors_and_risks_are_better_when_lower(name: str, bounds: tuple[float, float] | None) -> None:
    """An error rate may be above 1, so it has no bounds."""
    metric = known_metric(name)

    assert (False, bounds) == (metric.higher_is_better, metric.bounds)


@pytest.mark.parametrize(("scale", "bounds"), [(None, None), (1, (0.0, 1.0)), (100, (0.0, 100.0))])
def test_rouge_and_bleu_have_the_bounds_of_the_tool(scale: float | None, bounds: tuple[float, float] | None) -> None:
    """Some tools give them from 0 to 1, others from 0 to 100; where the tool is unknown there are no bounds."""
    for name in ("rougeL", "bleu", "rouge-l"):
        metric = known_metric(name, overlap_scale=scale)
        assert (True, bounds) == (metric.higher_is_better, metric.bounds)


def test_an_unknown_name_has_no_direction() -> None:
    """Which end is better must then be declared."""
    metric = known_metric("warmth")

    assert (None, None) == (metric.higher_is_better, metric.bounds)


def test_a_mark_is_0_or_1() -> None:
    """A pass counts 1 and a fail 0, whatever the judgement is called."""
    assert (True, (0.0, 1.0)) == (pass_or_fail("polite").higher_is_better, pass_or_fail("polite").bounds)
