"""Planned looks at the candidates of one dataset: which are worse by then, and how the verdict reports it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from llmops_sdk.values.results import CellResult, LookResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.statistics.stopping import Looks, worse_at
from llmops_sdk.verdict.table import CellColumn, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def find_worse(
    columns: Sequence[CellColumn], metric: Metric, looks: Looks, look: int, clusters: NDArray[Any] | None
) -> tuple[str, ...]:
    """Return the candidates that are worse at a look.

    Args:
        columns: The candidates that are still asked.
        metric: The metric that decides.
        looks: The planned looks.
        look: The look.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    table = make_table(columns, metric)
    if table.has_worthless_failures:
        return ()
    scores = Scores.of(table.sign * table.values, clusters)
    rows = worse_at(scores, looks, look, bounds=table.bounds)
    return tuple(columns[table.candidates[row]].result.candidate for row in rows)


def look_results(looks: Looks, cells: Sequence[CellResult], best: str) -> Iterator[LookResult]:
    """Yield the planned looks.

    Args:
        looks: The planned looks.
        cells: The candidates with a result; one or more.
        best: The best one.
    """
    end = max(cell.look for cell in cells)
    for number in range(1, looks.last + 1):
        yield LookResult(
            number=number,
            records=int(looks.records(number).sum()),
            level=looks.level(number),
            worse=tuple(
                cell.candidate
                for cell in cells
                if cell.look == number < looks.last and (number < end or cell.candidate != best)
            ),
            decided=number == end < looks.last,
        )


def look_sentences(looks: Sequence[LookResult], cells: Sequence[CellResult], most: int) -> Iterator[str]:
    """Yield at which look each candidate stopped and on how many records, and how many questions were not asked.

    Args:
        looks: The planned looks; none in a run without them.
        cells: The candidates with a result.
        most: The number of candidates that are named.
    """
    if not looks:
        return
    total, count = looks[-1].records, len(looks)
    for look in looks:
        where = f"at look {look.number} of {count}, on {look.records} of {total} records"
        if look.decided:
            yield f"This was decided {where}."
        elif look.worse:
            others = len(look.worse) - most
            named = [*look.worse[:most], *([f"{others} others"] if others > 0 else [])]
            yield f"{', '.join(named)} stopped {where}."
    asked = sum(cell.questions for cell in cells)
    not_asked = sum(cell.not_asked * cell.repeats for cell in cells)
    if not_asked:
        yield f"{not_asked:,} of {asked + not_asked:,} questions were not asked."
    else:
        yield f"No candidate was worse at one of the {count - 1} earlier looks: all {total} records were asked."
