"""Several cells as one: the checkpoints of a recipe, or a candidate's results on several datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from llmops_sdk.values.results import CellResult


def join_cells(cells: Sequence[CellResult]) -> CellResult:
    """Return cells as one: counts of answers are sums, and a detail of the endpoint is one that all of them have.

    All else, the number of records too, is that of the first one; summaries are left out.

    Args:
        cells: One or more.
    """
    first = cells[0]
    return attrs.evolve(
        first,
        speed=None,
        endpoint={
            name: text
            for name, text in first.endpoint.items()
            if all(cell.endpoint.get(name) == text for cell in cells)
        },
        reasons={name: reason for cell in reversed(cells) for name, reason in cell.reasons.items()},
        answered=sum(cell.answered for cell in cells),
        pending=sum(cell.pending for cell in cells),
        missing=sum(cell.missing for cell in cells),
        empty=sum(cell.empty for cell in cells),
        cut=sum(cell.cut for cell in cells),
        cut_reasoning=sum(cell.cut_reasoning for cell in cells),
        malformed=sum(cell.malformed for cell in cells),
        unscored=_sums(cell.unscored for cell in cells),
        pending_scores=_sums(cell.pending_scores for cell in cells),
        models=_sums(cell.models for cell in cells),
        undefined=_sums(cell.undefined for cell in cells),
        failures=_sums(cell.failures for cell in cells),
        summaries={},
    )


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
