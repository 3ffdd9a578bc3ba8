"""Cost in the verdict: what a gain cost in training, where two prices cross, and which candidates are dominated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import attrs

from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.estimates import PairTest
from llmops_sdk.values.prices import DAYS_PER_MONTH, Traffic, dollars
from llmops_sdk.values.results import CellResult, Leaderboard

N = TypeVar("N", int, float)

_MINUTE, _HOUR = 60.0, 3600.0
_Pairs = Mapping[frozenset[str], PairTest]


def with_costs(
    board: Leaderboard, bases: Mapping[str, str], traffic: Traffic | None, *, lower_is_better: bool = False
) -> Leaderboard:
    """Return a leaderboard whose candidates and verdict have what costs say.

    Args:
        board: The leaderboard, each of whose candidates has its own cost.
        bases: A fine-tuned candidate to the candidate with the same prompt that is its base as it is.
        traffic: What the candidates will be asked, or None.
        lower_is_better: Whether the lower number of the metric that decides is the better one.
    """
    sign = -1 if lower_is_better else 1
    pairs = {frozenset((pair.difference.candidate, pair.difference.versus)): pair for pair in board.pairs}
    cells = tuple(_with_dominators(cell, board.cells, pairs, sign) for cell in board.cells)
    board = attrs.evolve(board, cells=cells)
    trained = list(_training_sentences(cells, bases, pairs, sign))
    notes = list(cost_notes(cells, traffic))
    verdict = board.verdict
    text = " ".join([verdict.text, *trained])
    return attrs.evolve(board, verdict=attrs.evolve(verdict, text=text, notes=(*verdict.notes, *notes)))


def join_costs(costs: Sequence[CandidateCost | None]) -> CandidateCost | None:
    """Return the cost of a recipe from those of its checkpoints: sums of what was paid, and the first one's of what comes.

    Args:
        costs: Of each checkpoint.
    """
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    return attrs.evolve(
        known[0],
        prompt_tokens=_sum([cost.prompt_tokens for cost in known]),
        output_tokens=_sum([cost.output_tokens for cost in known]),
        priced=sum(cost.priced for cost in known),
        answers_usd=_sum([cost.answers_usd for cost in known]),
        endpoint_seconds=_sum([cost.endpoint_seconds for cost in known]),
        training_seconds=_sum([cost.training_seconds for cost in known]),
        training_usd=_sum([cost.training_usd for cost in known]),
    )


def cost_notes(cells: Sequence[CellResult], traffic: Traffic | None) -> Iterator[str]:
    """Yield what the prices of candidates mean for each other, a sentence each.

    Args:
        cells: The candidates of one dataset.
        traffic: What they will be asked, or None.
    """
    for cell in cells:
        if cell.cost and cell.cost.dominated_by:
            others = " and ".join(cell.cost.dominated_by)
            yield f"{cell.candidate} is dominated by {others}: better, cheaper and faster, and each difference is settled."
    if traffic is None:
        return
    for cell in cells:
        if cell.cost is None or cell.cost.month is None:
            yield f"What {cell.candidate} costs at {traffic.text} is unknown: its price or its tokens are."
        elif cell.cost.by == "hours" and cell.cost.machines is None:
            yield (
                f"That one machine of {cell.candidate} can answer {traffic.text} was not measured; its month is that of one"
                " machine."
            )
    for by_tokens in cells:
        for by_hours in cells:
            yield from _crossing(by_tokens, by_hours, traffic)


def duration(seconds: float) -> str:
    """Write a time in the unit that people would use.

    >>> duration(42), duration(605), duration(9000)
    ('42 seconds', '10 minutes', '2.5 hours')
    """
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} seconds"
    return f"{seconds / _MINUTE:.0f} minutes" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} hours"


def _crossing(by_tokens: CellResult, by_hours: CellResult, traffic: Traffic) -> Iterator[str]:
    """Yield at which traffic a target billed by tokens and one billed by the hour cost the same."""
    tokens, hours = by_tokens.cost, by_hours.cost
    if tokens is None or hours is None or not tokens.answer or not tokens.answer.mean or hours.machine_month is None:
        return
    day = hours.machine_month / DAYS_PER_MONTH
    crossing = day / tokens.answer.mean
    names = f"{by_tokens.candidate} (by tokens)", f"{by_hours.candidate} (by the hour)"
    if hours.per_machine is not None and crossing > hours.per_machine:
        yield (
            f"{names[0]} costs less than {names[1]} at any traffic: the hours pay from about {_round(crossing):,} requests a day,"
            f" and the machine can answer about {_round(hours.per_machine):,} of them."
        )
        return
    measured = "" if hours.per_machine is not None else ", if its machine can answer as many, which was not measured"
    up = f" with {traffic.hours:g} hours a day" if traffic.hours < 24 else ""  # noqa: PLR2004 - a whole day
    yield (
        f"{names[0]} costs less than {names[1]}{up} below about {_round(crossing):,} requests a day, and more above{measured}."
    )


def _round(number: float) -> int:
    """Return a number with two digits that count: prices and tokens are not known better."""
    digits = max(0, math.floor(math.log10(number)) - 1) if number >= 1 else 0
    return int(round(number, -digits)) if number >= 1 else 1


def _training_sentences(
    cells: Sequence[CellResult], bases: Mapping[str, str], pairs: _Pairs, sign: int
) -> Iterator[str]:
    for cell in cells:
        seconds = cell.cost.training_seconds if cell.cost else None
        pair = pairs.get(frozenset((cell.candidate, bases.get(cell.candidate, ""))))
        if cell.cost is None or not seconds or pair is None:
            continue
        base = bases[cell.candidate]
        gain = pair.difference.estimate.mean * (1 if pair.difference.candidate == cell.candidate else -1)
        usd = f", {dollars(cell.cost.training_usd)}" if cell.cost.training_usd is not None else ""
        number = f"{gain + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")
        if pair.adjusted_p_value > pair.level:
            yield (
                f"{cell.candidate}: {duration(seconds)} of training{usd}, without a difference from {base} that these records"
                f" show ({number})."
            )
        else:
            worse = " It is worse for it." if gain * sign < 0 else ""
            yield f"{cell.candidate}: {number} over {base} for {duration(seconds)} of training{usd}.{worse}"


def _with_dominators(cell: CellResult, cells: Sequence[CellResult], pairs: _Pairs, sign: int) -> CellResult:
    if cell.cost is None:
        return cell
    better = [
        other.candidate
        for other in cells
        if other.cost is not None
        and _is_cheaper_and_faster(other.cost, cell.cost)
        and _is_better(pairs, other, cell, sign)
    ]
    return attrs.evolve(cell, cost=attrs.evolve(cell.cost, dominated_by=tuple(better))) if better else cell


def _is_better(pairs: _Pairs, other: CellResult, cell: CellResult, sign: int) -> bool:
    """Return whether it is settled that another candidate has the better answers."""
    pair = pairs.get(frozenset((other.candidate, cell.candidate)))
    if pair is None or pair.adjusted_p_value > pair.level:
        return False
    mean = pair.difference.estimate.mean * (1 if pair.difference.candidate == other.candidate else -1)
    return mean * sign > 0


def _is_cheaper_and_faster(other: CandidateCost, cost: CandidateCost) -> bool:
    prices, latencies = (per_1000(other), per_1000(cost)), (other.latency, cost.latency)
    if prices[0] is None or prices[1] is None or latencies[0] is None or latencies[1] is None:
        return False
    return prices[0].is_below(prices[1]) and latencies[0].is_below(latencies[1])


def per_1000(cost: CandidateCost) -> Amount | None:
    """Return what 1,000 answers cost, with the interval of the answers that were seen; a price by the hour has none."""
    if cost.answer is not None and cost.by != "hours":
        low, high = (None if end is None else 1000 * end for end in (cost.answer.low, cost.answer.high))
        return Amount(1000 * cost.answer.mean, low, high, cost.answer.answers)
    return None if cost.per_1000 is None else Amount(cost.per_1000, cost.per_1000, cost.per_1000, cost.priced)


def _sum(numbers: Sequence[N | None]) -> N | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
