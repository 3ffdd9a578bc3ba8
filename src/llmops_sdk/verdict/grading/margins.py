"""Every candidate against the baseline on corrected means: whether it is no worse by more than the margin."""

from __future__ import annotations

import attrs

from llmops_sdk.values.estimates import Estimate, MarginResult
from llmops_sdk.verdict.baseline import margin_words, signed
from llmops_sdk.verdict.grading.correction import Correction
from llmops_sdk.verdict.grading.graded import GradedTable, with_unseen_errors
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS, MANY_MISSING

LEVEL = 0.05
"""Of each side, for all candidates together."""


def corrected_margins(
    judged: tuple[MarginResult, ...], graded: GradedTable, correction: Correction
) -> tuple[MarginResult, ...]:
    """Return the comparisons with the baseline, corrected with people's grades; one without a score is left out.

    Args:
        judged: The comparisons from the judge alone.
        graded: The judge's scores beside the grades.
        correction: The corrected means.
    """
    names = set(graded.names)
    known = [result for result in judged if {result.candidate, result.baseline} <= names]
    return (
        tuple(_corrected(result, graded, correction, LEVEL / len(known)) for result in known)
        if correction.graded
        else ()
    )


def _corrected(result: MarginResult, graded: GradedTable, correction: Correction, level: float) -> MarginResult:
    import numpy as np

    row, baseline = graded.names.index(result.candidate), graded.names.index(result.baseline)
    gaps, sign = graded.gaps(), graded.table.sign
    difference = correction.pair(row, baseline).difference
    difference = with_unseen_errors(difference, gaps[row] - gaps[baseline], graded.width)
    interval = attrs.evolve(difference, value=sign * difference.value).interval(1 - 2 * level)
    is_enough = correction.graded >= FEWEST_RECORDS and difference.groups >= FEWEST_CLUSTERS
    missing = np.isnan(graded.table.values[[row, baseline]]).mean(axis=1).max()
    may_claim = is_enough and missing <= MANY_MISSING
    low, high, margin = interval.low, interval.high, result.margin
    no_worse = may_claim and low is not None and low > -margin
    equivalent = no_worse and high is not None and high < margin
    worse = may_claim and high is not None and high < -margin
    if sign < 0:
        low, high = None if high is None else -high, None if low is None else -low
    words = margin_words(
        result.candidate, result.baseline, margin, no_worse=no_worse, equivalent=equivalent, worse=worse
    )
    ends = f" [{signed(low)}, {signed(high)}]" if low is not None and high is not None else ""
    problem = "" if is_enough else "; people graded too few records"
    estimate = Estimate(difference.value, low, high, correction.graded + correction.others)
    text = f"{words}: {signed(difference.value)}{ends}, corrected{problem}."
    return attrs.evolve(result, estimate=estimate, no_worse=no_worse, equivalent=equivalent, worse=worse, text=text)
