"""What must be known beside a verdict: empty and cut answers, records without a number, answers computed differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llmops_sdk.values.results import VARIES, CellResult
from llmops_sdk.values.scores import Metric

MANY = 0.10
"""The share of a candidate's answers from which they are named."""

APART = 0.05
"""The difference between the shares of two candidates from which they are named."""

_MOST_NAMED = 4
_FORMATS = {"device": "device", "dtype": "number format", "engine": "engine", "kernel": "kernel"}
"""Details of an endpoint that must be equal for all candidates, and what messages call them."""


def find_caveats(cells: Sequence[CellResult], metric: Metric, left_out: int = 0) -> tuple[str, ...]:
    """Return a sentence for each caveat of a comparison.

    Something is named if it holds for 10 % of a candidate's answers, or if the shares of two candidates are 5
    percentage points apart.

    Args:
        cells: The candidates that are compared, best first.
        metric: The metric that decides.
        left_out: The number of records that are left out for all of them.
    """
    label = metric.label or metric.name
    candidates = {
        "were cut off at max_new_tokens": lambda cell: (cell.cut, cell.answered),
        "are empty": lambda cell: (cell.empty, cell.answered),
    }
    questions = "records" if all(cell.questions == cell.records for cell in cells) else "questions"
    sentences = [
        f"{named} {clause}" for clause, count in candidates.items() for named in _named(cells, count, "answers")
    ]
    sentences += [
        f"{named} were cut off while the model was reasoning" for named in _named(cells, _cut_reasoning, questions)
    ]
    sentences += _malformed(cells)
    parts = [part for cell in cells for part in cell.parts]
    sentences += _several_models(parts)
    failing = _named(cells, lambda cell: (cell.failures.get(metric.name, 0), cell.questions), questions)
    sentences += [f"{records} have no usable answer and count as the worst {label}" for records in failing]
    named = _named(cells, lambda cell: (_unscored(cell, metric, left_out), cell.records), "records")
    return (
        *(f"{sentence}." for sentence in sentences),
        *(f"{records} have no {label}." for records in named),
        *_left_out(cells, label, left_out),
        *_varied(cells),
        *_formats(parts),
    )


def _varied(cells: Sequence[CellResult]) -> Iterator[str]:
    """Yield a sentence with the candidates that were not asked alike, because their models declare exceptions."""
    if len({cell.endpoint.get(VARIES) for cell in cells}) <= 1:
        return
    varied = [f"{cell.candidate} ({cell.endpoint[VARIES]})" for cell in cells if VARIES in cell.endpoint]
    others = " and others" if len(varied) > _MOST_NAMED else ""
    yield f"Some candidates were asked with other generation options: {', '.join(varied[:_MOST_NAMED])}{others}."


def _formats(cells: Sequence[CellResult]) -> Iterator[str]:
    """Yield a sentence for each way in which the candidates' answers were computed differently, as far as it is recorded.

    A run that was resumed on another machine may have one candidate's answers in another number format.
    """
    for name, noun in _FORMATS.items():
        by_value: dict[str, list[str]] = {}
        for cell in cells:
            value = cell.endpoint.get(name)
            if value and cell.candidate not in by_value.setdefault(value, []):
                by_value[value].append(cell.candidate)
        if len(by_value) > 1:
            parts = [
                f"{value} for {', '.join(candidates[:_MOST_NAMED])}{' and others' if len(candidates) > _MOST_NAMED else ''}"
                for value, candidates in by_value.items()
            ]
            yield (
                f"The candidates were not computed alike: their {noun} is {' and '.join(parts)}; run again on one machine "
                f"with --fresh generate to compare them alike, and with one {noun} in their deployers' options if it still differs."
            )


def _cut_reasoning(cell: CellResult) -> tuple[int, int]:
    return cell.cut_reasoning, cell.questions


def _malformed(cells: Sequence[CellResult]) -> Iterator[str]:
    """Yield each candidate whose server ignores the requested form of the answers, even if it does so for few."""
    for cell in cells:
        if cell.malformed:
            yield (
                f"{cell.malformed} of {cell.answered} answers of {cell.candidate} are not JSON of the form that response_format "
                "asks for"
            )


def _several_models(cells: Sequence[CellResult]) -> Iterator[str]:
    """Yield each candidate that more than one model answered for."""
    for cell in cells:
        if len(cell.models) > 1:
            counts = sorted(cell.models.items(), key=lambda item: (-item[1], item[0]))
            named = ", ".join(f"{name} ({count})" for name, count in counts[:_MOST_NAMED])
            yield f"The endpoint of {cell.label} reported {len(cell.models)} models: {named}"


def _named(cells: Sequence[CellResult], count: Callable[[CellResult], tuple[int, int]], noun: str) -> Iterator[str]:
    """Yield the candidates with their counts, in words, if they are many; nothing if they are few."""
    counts = [(cell.candidate, *count(cell)) for cell in cells]
    shares = [number / total if total else 0.0 for _, number, total in counts]
    if not shares or (max(shares) < MANY and max(shares) - min(shares) < APART):
        return
    affected = [(candidate, number, total) for candidate, number, total in counts if number]
    parts = [
        f"{number} of {total} {noun if place == 0 else ''} of {candidate}".replace("  ", " ")
        for place, (candidate, number, total) in enumerate(affected[:_MOST_NAMED])
    ]
    if len(affected) > _MOST_NAMED:
        parts.append(f"those of {len(affected) - _MOST_NAMED} more candidates")
    yield parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _unscored(cell: CellResult, metric: Metric, left_out: int) -> int:
    """Return the records without a score of a candidate, without those that are left out for all."""
    estimate = cell.estimates.get(metric.name)
    return max(0, cell.records - estimate.records - left_out) if estimate else cell.records


def _left_out(cells: Sequence[CellResult], label: str, left_out: int) -> Iterator[str]:
    """Yield how many records are left out for all candidates, if they are many."""
    records = max((cell.records for cell in cells), default=0)
    if left_out and left_out >= MANY * records:
        yield f"{left_out} of {records} records are left out for all candidates: {label} has no value for an answer to them."
