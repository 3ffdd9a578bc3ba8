"""A judge's agreement with itself: Krippendorff's alpha of the scores that it gave to the same output several times.

With squared differences, as for numbers: 1 is full agreement, 0 what chance gives (Krippendorff, "Computing
Krippendorff's alpha-reliability", 2011). Outputs with fewer than two scores do not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from llmops_sdk.plugin import Summary, SummaryValue

_FEWEST = 2


def self_agreement(judgments: Iterable[Sequence[float]]) -> Summary | None:
    """Return the agreement of a judge's repeated scores; None where no output has two, or all scores are the same.

    Args:
        judgments: The scores of each output.
    """
    scored = [list(scores) for scores in judgments if len(scores) >= _FEWEST]
    numbers = [score for scores in scored for score in scores]
    if not numbers:
        return None
    centre = math.fsum(numbers) / len(numbers)
    expected = 2 * len(numbers) * math.fsum((number - centre) ** 2 for number in numbers) / (len(numbers) - 1)
    if expected == 0:
        return None
    observed = math.fsum(
        2
        * len(scores)
        * math.fsum((score - math.fsum(scores) / len(scores)) ** 2 for score in scores)
        / (len(scores) - 1)
        for scores in scored
    )
    same = sum(len(set(scores)) == 1 for scores in scored) / len(scored)
    return Summary(
        (
            SummaryValue(
                "self_agreement", "Agreement of the judge with itself (Krippendorff's alpha)", 1 - observed / expected
            ),
            SummaryValue("same_score", "Outputs with the same score every time", same),
        )
    )
