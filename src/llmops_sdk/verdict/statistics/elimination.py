"""The model confidence set: the candidates that may be the best one, at a level that holds for any number of them.

Hansen, Lunde and Nason, "The model confidence set", Econometrica 79 (2011), with the range statistic and with sign
flips in place of their bootstrap. As long as the remaining candidates are found to differ, the lower one of the pair
that differs most is dropped. The ones left contain every true best with 95 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.flips import Null
from llmops_sdk.verdict.statistics.pairs import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class Elimination:
    """Which candidates are left.

    Attributes:
        left: The places of the candidates that may be the best.
        p_values: By place, the largest p value up to the step that dropped the candidate; of the ones left, the p value
            at which they were kept.
    """

    left: tuple[int, ...]
    p_values: tuple[float, ...]


def eliminate(pairs: Pairs, null: Null, candidates: int, level: float = 0.05) -> Elimination:
    """Drop candidates as long as the remaining ones are found to differ.

    Args:
        pairs: The differences of all pairs.
        null: Their statistics under flips.
        candidates: The number of candidates.
        level: The share of runs in which a true best may be dropped.
    """
    import numpy as np

    left = list(range(candidates))
    p_values = [1.0] * candidates
    largest_p = 0.0
    while len(left) > 1:
        columns = _among(pairs, left)
        statistics = np.abs(pairs.signed[columns])
        worst = int(columns[int(statistics.argmax())])
        largest_p = max(largest_p, null.p_value(float(pairs.signed[worst]), columns))
        if largest_p > level:
            break
        ahead = pairs.signed[worst] > 0
        dropped = int(pairs.second[worst] if ahead else pairs.first[worst])
        p_values[dropped] = largest_p
        left.remove(dropped)
    for place in left:
        p_values[place] = largest_p if len(left) > 1 else 1.0
    return Elimination(tuple(left), tuple(p_values))


def _among(pairs: Pairs, left: list[int]) -> NDArray[Any]:
    import numpy as np

    return np.flatnonzero(np.isin(pairs.first, left) & np.isin(pairs.second, left))
