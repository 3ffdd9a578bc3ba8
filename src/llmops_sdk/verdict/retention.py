"""What fine-tuning broke: each tuned candidate against its base on a dataset that it was not tuned for, in words and numbers.

It is the comparison with a baseline and a margin, with the base as the baseline. Candidates with the same base are one
family; several families share the level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import MarginResult
from llmops_sdk.values.results import Leaderboard, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline, against_baseline, margin_sentences, signed
from llmops_sdk.verdict.caveats import find_caveats
from llmops_sdk.verdict.table import CellColumn, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.05


@attrs.frozen
class TunedCandidate:
    """A tuned candidate with its base.

    Attributes:
        name: What it is called on the dataset of `retention`.
        candidate: What it is called on the others.
        base: Its base.
        datasets: The other datasets that the same weights are asked about.
    """

    name: str
    candidate: str
    base: str
    datasets: tuple[str, ...]


def conclude_retention(
    board: Leaderboard,
    columns: Sequence[CellColumn],
    metrics: Mapping[str, Metric],
    clusters: NDArray[Any] | None,
    tuned: Sequence[TunedCandidate],
    margin: float,
) -> Leaderboard:
    """Return the leaderboard of the dataset of `retention`, whose verdict is about each candidate and its base.

    Args:
        board: The leaderboard.
        columns: The candidates with a result.
        metrics: Every metric, by name.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        tuned: The tuned candidates.
        margin: The loss that does not matter, in the metric's unit.
    """
    metric = metrics.get(board.metric, Metric(board.metric))
    margins = tuple(_margins(columns, metric, clusters, tuned, margin))
    caveats = find_caveats(board.cells, metric) if board.cells else ()
    headline = _headline(board, tuned, margins)
    details = () if len(tuned) == 1 else margin_sentences(margins)
    verdict = Verdict(
        best="",
        settled=False,
        tied=(),
        text=" ".join([headline, *details, *_unscored(board, metric), *caveats]),
        caveats=caveats,
        headline=headline,
        margins=margins,
    )
    return attrs.evolve(board, verdict=verdict, differences=(), pairs=())


def with_retention(board: Leaderboard, retained: Leaderboard, tuned: Sequence[TunedCandidate]) -> Leaderboard:
    """Return a leaderboard with a sentence in its verdict on each tuned candidate: what it gained here, and lost there.

    Args:
        board: The leaderboard of another dataset.
        retained: That of the dataset of `retention`.
        tuned: The tuned candidates.
    """
    sentences = list(_sentences(board, retained, tuned))
    verdict = board.verdict
    text = " ".join([verdict.text, *sentences])
    return attrs.evolve(board, verdict=attrs.evolve(verdict, text=text))


def _margins(
    columns: Sequence[CellColumn],
    metric: Metric,
    clusters: NDArray[Any] | None,
    tuned: Sequence[TunedCandidate],
    margin: float,
) -> Iterator[MarginResult]:
    by_name = {column.result.candidate: column for column in columns}
    families: dict[str, list[CellColumn]] = {}
    for each in tuned:
        if each.name in by_name and each.base in by_name:
            families.setdefault(each.base, []).append(by_name[each.name])
    for base, own in families.items():
        family = [*own, by_name[base]]
        table = make_table(family, metric)
        cells = tuple(column.result for column in family)
        yield from against_baseline(table, clusters, cells, Baseline(base, margin), LEVEL / len(families))


def _headline(board: Leaderboard, tuned: Sequence[TunedCandidate], margins: Sequence[MarginResult]) -> str:
    where = f"On {board.dataset}, which nothing was tuned for,"
    if not margins:
        return f"{where} no tuned candidate can be compared with its base: what fine-tuning broke is not known."
    if len(tuned) == 1:
        return f"{where} {margins[0].text}"
    counts = {
        "no worse than its base by more than the margin": sum(each.no_worse for each in margins),
        "worse by more than it": sum(each.worse for each in margins),
    }
    parts = [f"{count} {'is' if count == 1 else 'are'} {words}" for words, count in counts.items() if count]
    others = len(tuned) - sum(counts.values())
    parts += [f"{others} {'is' if others == 1 else 'are'} not decided"] if others else []
    return f"{where} of {len(tuned)} tuned candidates {_listed(parts)}."


def _unscored(board: Leaderboard, metric: Metric) -> Iterator[str]:
    """Yield a sentence for each reason why no answer of a candidate has a score, such as a dataset without references."""
    reasons: dict[str, list[str]] = {}
    for cell in board.cells:
        if board.metric not in cell.estimates and cell.reasons:
            reasons.setdefault(next(iter(cell.reasons.values())), []).append(cell.candidate)
    for reason, candidates in reasons.items():
        yield f"No answer of {_listed(candidates)} has a score in {metric.label or metric.name} ({reason})."


def _sentences(board: Leaderboard, retained: Leaderboard, tuned: Sequence[TunedCandidate]) -> Iterator[str]:
    results = {each.candidate: each for each in retained.verdict.margins}
    for each in tuned:
        if board.dataset not in each.datasets or not any(cell.candidate == each.candidate for cell in board.cells):
            continue
        result = results.get(each.name)
        if result is None:
            yield f"What {each.candidate} lost on {retained.dataset} is not known: it or its base ({each.base}) has no result there."
            continue
        gained = _on_task(board, each)
        word = "but" if gained.startswith("better") and not result.no_worse else "and"
        lost = _on_retention(retained.dataset, result)
        yield f"Against its base ({each.base}), {each.candidate} is {f'{gained}, {word} ' if gained else ''}{lost}."


def _on_task(board: Leaderboard, tuned: TunedCandidate) -> str:
    """Return how a tuned candidate and its base differ on a dataset it was tuned for; empty if its base has no result there."""
    names = {tuned.candidate, tuned.base}
    pair = next((each for each in board.pairs if {each.difference.candidate, each.difference.versus} == names), None)
    if pair is None:
        return ""
    mean = pair.difference.estimate.mean
    mean = mean if pair.difference.candidate == tuned.candidate else -mean
    verdict = board.verdict
    if verdict.best in names:
        better = tuned.candidate == verdict.best
        (other,) = names - {verdict.best}
        is_claimed = other in verdict.worse
    else:
        better = tuned.candidate == board.cells[min(_place(board, name) for name in names)].candidate
        is_claimed = bool(verdict.worse) and pair.adjusted_p_value <= pair.level
    if not is_claimed:
        return f"not told apart from it on {board.dataset} ({signed(mean)})"
    return f"{'better' if better else 'worse'} on {board.dataset} by {abs(mean):.3f}"


def _place(board: Leaderboard, candidate: str) -> int:
    return next(place for place, cell in enumerate(board.cells) if cell.candidate == candidate)


def _on_retention(dataset: str, result: MarginResult) -> str:
    mean, low, high = result.estimate.mean, result.estimate.low, result.estimate.high
    ends = f" [{signed(low)}, {signed(high)}]" if low is not None and high is not None else ""
    if result.no_worse:
        return f"no worse on {dataset} by more than {result.margin:g} ({signed(mean)}{ends})"
    if result.worse:
        return f"worse on {dataset} by {abs(mean):.3f}, more than the margin of {result.margin:g}"
    if not result.estimate.records:
        return f"not shown to be no worse on {dataset}: they have no scored record in common"
    return f"not shown to be no worse on {dataset} by {result.margin:g} ({signed(mean)}{ends})"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
