"""The verdict on a leaderboard, in words that claim no more than the evidence does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import Estimate, MarginResult
from llmops_sdk.values.results import CellResult, FailedCell, LookResult, Verdict
from llmops_sdk.verdict.baseline import margin_sentences
from llmops_sdk.verdict.caveats import find_caveats
from llmops_sdk.verdict.looks import look_sentences
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS, Comparison, PairComparison
from llmops_sdk.verdict.statistics.sample_size import (
    detectable_difference,
    detectable_with_seeds,
    deviation_of,
    needed_records,
)
from llmops_sdk.verdict.subjects import seed_sentences, subjects
from llmops_sdk.verdict.table import MetricTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 4
_LEVEL = 0.05
_MOSTLY = 0.5
_MANY = 100_000
"""Records above which their needed number is not given exactly: nobody has them."""


@attrs.frozen(eq=False)
class Evidence:
    """What a verdict rests on.

    Attributes:
        dataset: The dataset's name; empty for weighted means over several.
        table: The scores in the metric that decides.
        cells: The candidates with a result, best first; the table's places are those of this tuple.
        failed: Those without one.
        comparison: Of the table's candidates.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        margins: Every other candidate against the baseline.
        looks: The planned looks; empty for one comparison at the end.
    """

    dataset: str
    table: MetricTable
    cells: tuple[CellResult, ...]
    failed: tuple[FailedCell, ...]
    comparison: Comparison
    clusters: NDArray[Any] | None = None
    margins: tuple[MarginResult, ...] = ()
    looks: tuple[LookResult, ...] = ()

    @property
    def label(self) -> str:
        """The metric as people read it."""
        return self.table.metric.label or self.table.metric.name

    @property
    def where(self) -> str:
        """What the verdict is on."""
        return f"on {self.dataset}" if self.dataset else "over all datasets"

    def name(self, row: int) -> str:
        """The candidate of a row of the table."""
        return self.cells[self.table.candidates[row]].candidate

    def subject(self, rows: Sequence[int], *, starts: bool = False) -> str:
        """The candidates of some rows of the table, as sentences call them."""
        return subjects([self.cells[self.table.candidates[row]] for row in rows], _MOST_NAMED, starts=starts)

    def level(self, row: int) -> float:
        """The level of its intervals: that of the look at which it stopped."""
        look = self.cells[self.table.candidates[row]].look
        return self.looks[look - 1].level if self.looks else _LEVEL

    @property
    def is_decided_early(self) -> bool:
        """Whether it was decided before all records were asked."""
        return any(look.decided for look in self.looks)

    def estimate(self, row: int) -> Estimate:
        """Its mean."""
        return self.cells[self.table.candidates[row]].estimates[self.table.metric.name]


def conclude(evidence: Evidence) -> Verdict:
    """Conclude from the scores of one dataset."""
    caveats = find_caveats(evidence.cells, evidence.table.metric, evidence.table.left_out)
    without = "".join(f" {text}" for text in (*seed_sentences(evidence.cells, evidence.failed), *caveats))
    comparison = evidence.comparison
    if not comparison.best:
        headline = f"No candidate has a {evidence.label} {evidence.where}: nothing can be decided."
        return Verdict("", settled=False, tied=(), text=headline + without, caveats=caveats, headline=headline)
    best = comparison.best[0]
    name = evidence.name(best)
    if len(evidence.table.candidates) == 1:
        others = "no other candidate has one" if len(evidence.cells) > 1 else "there is no other candidate"
        subject = evidence.subject([best], starts=True)
        headline = f"{subject} has a mean {evidence.label} of {_mean(evidence.estimate(best))} {evidence.where}; {others} to compare it with."
        return Verdict(name, settled=False, tied=(), text=headline + without, caveats=caveats, headline=headline)
    problem = _no_claim(evidence, comparison)
    worse = () if problem else comparison.worse
    tied = (*comparison.best[1:], *comparison.tied, *(comparison.worse if problem else ()))
    headline = _headline(evidence, comparison, worse, tied, problem)
    details = [
        f"Mean {evidence.label} of {name}: {_mean(evidence.estimate(best))}{_over_seeds(evidence, best)}.",
        *_details(evidence, best, worse, tied),
        *look_sentences(evidence.looks, evidence.cells, _MOST_NAMED),
        *margin_sentences(evidence.margins),
    ]
    spread = _spread(evidence)
    return Verdict(
        best=name,
        settled=not tied,
        tied=tuple(map(evidence.name, tied)),
        text=" ".join([headline, *details]) + without,
        caveats=caveats,
        worse=tuple(map(evidence.name, worse)),
        notes=tuple(_notes(evidence, best, tied, spread)),
        best_interval=_best_interval(evidence, best),
        detectable=_detectable(evidence, spread),
        needed_records=_needed(evidence, best, tied),
        headline=headline,
        margins=evidence.margins,
    )


def _no_claim(evidence: Evidence, comparison: Comparison) -> str:
    """Return why nothing may be claimed at all, or an empty text."""
    table = evidence.table
    if table.has_worthless_failures:
        failures = int(table.failures.sum())
        noun = "record" if all(cell.questions == cell.records for cell in evidence.cells) else "question"
        return (
            f"Nothing is decided: {_count(failures, noun)} without a usable answer would have to count as the worst "
            f"{evidence.label}, and it has no worst value."
        )
    if table.parts is not None:
        return _too_few_on_one(comparison)
    most = max(pair.records for pair in comparison.pairs)
    if 0 < most < FEWEST_RECORDS:
        return f"{_count(most, 'record')} {'is' if most == 1 else 'are'} too few to decide: it takes at least {FEWEST_RECORDS}."
    return ""


def _too_few_on_one(comparison: Comparison) -> str:
    """Return that one of the weighted datasets has too few records for any claim, or an empty text."""
    most = max(pair.fewest or 0 for pair in comparison.pairs)
    if most >= FEWEST_RECORDS:
        return ""
    one = f"{_count(most, 'scored record')} in common on one of the datasets"
    return f"{one} {'is' if most == 1 else 'are'} too few to decide: it takes at least {FEWEST_RECORDS} on each."


def _headline(
    evidence: Evidence, comparison: Comparison, worse: Sequence[int], tied: Sequence[int], problem: str
) -> str:
    """Return the conclusion in one sentence, without numbers; why there is none comes after it."""
    best = comparison.best[0]
    name, where = evidence.subject([best], starts=True), evidence.where
    end = "lowest" if evidence.table.sign < 0 else "highest"
    if problem:
        return f"{name} has the {end} mean {evidence.label} {where}. {problem}"
    others = f"{evidence.subject(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else ""
    if len(comparison.best) > 1:
        top = f"{evidence.subject(comparison.best, starts=True)} have the same {end} mean {evidence.label} {where}"
        tied = tied[len(comparison.best) - 1 :]
    elif not tied:
        return f"{name} is the best {where}: {others}."
    else:
        top = f"{name} has the {end} mean {evidence.label} {where}"
    ties = f"{evidence.subject(tied)} cannot be told apart from it" if tied else ""
    return f"{'; '.join(filter(None, (top, ties, others)))}."


def _over_seeds(evidence: Evidence, row: int) -> str:
    """Return how far the means of a recipe's checkpoints are apart."""
    cell = evidence.cells[evidence.table.candidates[row]]
    means = cell.means(evidence.table.metric.name)
    return f" over {len(means)} seeds, from {_number(min(means))} to {_number(max(means))}" if means else ""


def _details(evidence: Evidence, best: int, worse: Sequence[int], tied: Sequence[int]) -> Iterator[str]:
    """Yield the differences from the nearest candidates: of the ones that are tied, and of the ones that are worse."""
    if tied:
        yield f"{_gap(evidence, best, tied[0])}."
        if reason := _too_few(evidence, best, tied[0]):
            yield reason
    if worse:
        yield f"{_gap(evidence, best, worse[0])}."


def _too_few(evidence: Evidence, best: int, other: int) -> str:
    pair = _pair(evidence, best, other)
    if pair.clusters >= FEWEST_CLUSTERS or pair.records < FEWEST_RECORDS or pair.mean == 0:
        return ""
    noun = "groups of records" if evidence.clusters is not None else "records"
    return f"They differ on {pair.clusters} {noun} only, and no claim is possible on fewer than {FEWEST_CLUSTERS}."


def _gap(evidence: Evidence, best: int, other: int) -> str:
    pair = _pair(evidence, best, other)
    if not pair.records:
        datasets = " on one of the datasets" if evidence.table.parts else ""
        return f"{evidence.name(best)} has no scored record in common with {evidence.name(other)}{datasets}"
    sign = evidence.table.sign
    low, high = (pair.interval.low, pair.interval.high) if sign > 0 else (pair.interval.high, pair.interval.low)
    ends = f" [{_signed(low, sign)}, {_signed(high, sign)}]" if low is not None and high is not None else ""
    return (
        f"{evidence.name(best)} differs from {evidence.name(other)} by {_signed(pair.mean, sign)}{ends}, with {_count(pair.wins, 'win')}, "
        f"{_count(pair.losses, 'loss')} and {_count(pair.ties, 'tie')} on {_count(pair.records, 'record')}"
    )


def _notes(evidence: Evidence, best: int, tied: Sequence[int], spread: float) -> Iterator[str]:
    """Yield what else the numbers mean, a sentence each."""
    groups = " in such groups" if evidence.clusters is not None else ""
    detectable = _detectable(evidence, spread)
    if detectable is not None:
        records = max(pair.records for pair in evidence.comparison.pairs)
        seeds = " with these seeds" if evidence.table.has_seeds else ""
        where = f"On {records:,} records{groups}{seeds}"
        yield f"{where}, a true difference of {detectable:.2g} is found in four of five runs; a smaller one is easily missed."
    needed = _needed(evidence, best, tied)
    if needed is not None:
        gap = abs(_pair(evidence, best, tied[0]).mean)
        count = f"about {needed:,}" if needed <= _MANY else f"more than {_MANY:,}"
        yield (
            f"If the difference between {evidence.name(best)} and {evidence.name(tied[0])} that was seen, {gap:.2g}, is the true one, "
            f"it takes {count} records{groups} to find it."
        )
    candidates = len(evidence.table.candidates)
    interval = _best_interval(evidence, best)
    if interval is not None and candidates > 2 and interval.low is not None and interval.high is not None:  # noqa: PLR2004 - of two the choice matters little
        yield (
            f"The best of {candidates} means tends to be too good: allowing for the choice, that of {evidence.name(best)} lies in "
            f"[{_number(interval.low)}, {_number(interval.high)}]. Confirm it on fresh records before you quote it."
        )
    yield from _seed_notes(evidence, best, tied)
    if evidence.looks:
        levels = ", ".join(f"{look.level:.2g}" for look in evidence.looks)
        yield (
            f"The {len(evidence.looks)} planned looks share the 5 %: tests and intervals are at the level of the look at which a "
            f"candidate stopped, one of {levels}."
        )
    repeats = max(cell.repeats for cell in evidence.cells)
    if repeats > 1:
        once = [cell.candidate for cell in evidence.cells if cell.repeats == 1]
        only = f"; {_names(once)} only once" if once else ""
        yield f"Each record was asked {repeats} times{only}. The answers to one record count as one."
    if evidence.table.left_out:
        left_out = _count(evidence.table.left_out, "record")
        same = "" if evidence.looks else ", so all means are of the same records"
        yield f"{left_out} without a {evidence.label} of every candidate are left out{same}."


def _seed_notes(evidence: Evidence, best: int, tied: Sequence[int]) -> Iterator[str]:
    """Yield what the verdict is about: recipes, whose seeds are in all intervals, or checkpoints."""
    recipes = [cell for cell in evidence.cells if cell.checkpoints]
    checkpoints = [cell.candidate for cell in evidence.cells if cell.fine_tuned and not cell.checkpoints]
    if recipes:
        counts = {len(cell.checkpoints) for cell in recipes}
        seeds = f"{counts.pop()} seeds" if len(counts) == 1 else "several seeds"
        names = _names([cell.candidate for cell in recipes])
        yield f"{names} {'was' if len(recipes) == 1 else 'were'} trained with {seeds}: the verdict on the recipe holds for other seeds too."
    if checkpoints:
        was = "was" if len(checkpoints) == 1 else "were"
        yield f"{_names(checkpoints)} {was} trained once: another training seed may give another result."
    test = _pair(evidence, best, tied[0]).recipe if tied else None
    if test is not None and test.variance is not None and recipes:
        more, than = ("seeds", "records") if test.seed_share > _MOSTLY else ("records", "seeds")
        yield (
            f"Most of what is uncertain about the difference between {evidence.name(best)} and {evidence.name(tied[0])} comes from the "
            f"{'training seeds' if more == 'seeds' else 'records'}: more {more} show more than more {than}."
        )


def _pair(evidence: Evidence, first: int, second: int) -> PairComparison:
    return evidence.comparison.pair(first, second)


def _spread(evidence: Evidence) -> float:
    """Return the median standard deviation of the paired differences; NaN without any."""
    import numpy as np

    values = evidence.table.values
    spreads = [
        deviation_of(values[pair.first] - values[pair.second], evidence.clusters)
        for pair in evidence.comparison.pairs
        if pair.records > 1
    ]
    return float(np.median(spreads)) if spreads else float("nan")


def _detectable(evidence: Evidence, spread: float) -> float | None:
    records = max(pair.records for pair in evidence.comparison.pairs)
    if records < FEWEST_RECORDS or not spread > 0 or evidence.is_decided_early or evidence.table.parts:
        return None
    if evidence.table.has_seeds:
        tests = [pair.recipe for pair in evidence.comparison.pairs]
        return detectable_with_seeds(
            [test.variance for test in tests if test is not None and test.variance is not None]
        )
    if all(pair.clusters < FEWEST_CLUSTERS for pair in evidence.comparison.pairs):
        return None  # no difference can be claimed on so few
    return detectable_difference(records, spread, len(evidence.table.candidates))


def _needed(evidence: Evidence, best: int, tied: Sequence[int]) -> int | None:
    """Return how many records it takes to find the difference from the nearest tie, if it is the true one."""
    if not tied or evidence.table.has_seeds or evidence.table.parts:
        return None  # with seeds, more records alone may never find it; of several datasets, it is not clear of which
    pair = _pair(evidence, best, tied[0])
    if pair.records < FEWEST_RECORDS or pair.mean == 0:
        return None
    spread = deviation_of(evidence.table.values[best] - evidence.table.values[tied[0]], evidence.clusters)
    if not spread > 0:
        return None
    needed = needed_records(abs(pair.mean), spread, len(evidence.table.candidates))
    return needed if needed > pair.records else None


def _best_interval(evidence: Evidence, best: int) -> Estimate | None:
    """Return the best one's mean with an interval at 1 - .05 / k: the best of k means tends to be too good."""
    import numpy as np

    table = evidence.table
    records = int((~np.isnan(table.values[best])).sum())
    count = len(evidence.table.candidates)
    interval = table.interval(best, evidence.clusters, 1 - evidence.level(best) / count)
    return Estimate(table.mean(best), interval.low, interval.high, records)


def _mean(estimate: Estimate) -> str:
    if estimate.records == 1:
        return f"{_number(estimate.mean)} on a single record"
    if estimate.low is None or estimate.high is None:
        return _number(estimate.mean)
    return f"{_number(estimate.mean)} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float) -> str:
    return _minus(f"{value:.3f}")


def _signed(value: float, sign: int) -> str:
    return _minus(f"{sign * value + 0.0:+.3f}")


def _minus(numbers: str) -> str:
    return numbers.replace("-", "\N{MINUS SIGN}")


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        names = [*names[:_MOST_NAMED], f"{len(names) - _MOST_NAMED} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
