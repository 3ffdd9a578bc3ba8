"""The records of a leaderboard as JSON for the page's script: fields and prompts once, then each candidate's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
from markupsafe import Markup

from llmops_sdk.report.data import MOST_RECORDS
from llmops_sdk.report.numbers import finite
from llmops_sdk.report.script_json import script_json
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Outcome
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.results import CellResult, FailedCell, Leaderboard
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import Metric

MOST_CHARACTERS = 20_000
"""Characters of one text that a report holds; the page marks a text that was cut."""

MOST_BYTES = 24_000_000
"""JSON of one dataset's records after which a report takes no more of them, should they be very long."""


@attrs.frozen
class PackedRecords:
    """The records of one leaderboard.

    Attributes:
        payload: The JSON for the page's script.
        shown: The number of records in it.
        known: The number of records that have a sample.
    """

    payload: Markup
    shown: int
    known: int


def pack_records(
    board: Leaderboard,
    samples: Mapping[str, Sequence[Sample]],
    metrics: Sequence[Metric],
    colours: Mapping[str, int],
) -> PackedRecords:
    """Pack the records of a leaderboard, at most `MOST_RECORDS` and about `MOST_BYTES`.

    Args:
        board: The leaderboard.
        samples: Cell name to its samples.
        metrics: In the order of the scores.
        colours: Candidate to its colour.
    """
    rows = _side_by_side(board, samples)
    cells = [cell for cell in _cells(board) if any(part.cell in row for row in rows.values() for part in _parts(cell))]
    prompts = [cell.prompt if isinstance(cell, CellResult) else cell.cell for cell in cells]
    columns = [_Column(_parts(cell), prompt) for cell, prompt in zip(cells, prompts, strict=True)]
    packed: list[Markup] = []
    size = 0
    for index, row in rows.items():
        text = script_json(_pack_record(index, row, columns, metrics))
        size += len(text)
        if size > MOST_BYTES and packed:
            break
        packed.append(text)
    head = {
        "dataset": board.dataset,
        "best": board.verdict.best,
        "metrics": [{"name": m.name, "label": m.label or m.name, "higher": m.higher_is_better} for m in metrics],
        "candidates": [
            {
                "name": cell.candidate,
                "cell": cell.cell,
                "prompt": prompt,
                "colour": colours[cell.candidate],
                **({"stopped": True} if isinstance(cell, CellResult) and cell.not_asked else {}),
            }
            for cell, prompt in zip(cells, prompts, strict=True)
        ],
    }
    payload = Markup('{{"head":{},"records":[{}]}}').format(script_json(head), Markup(",").join(packed))
    return PackedRecords(payload, len(packed), len(rows))


@attrs.frozen
class _Column:
    """The answers of one candidate: of a recipe, those of all its checkpoints."""

    parts: tuple[CellResult | FailedCell, ...]
    prompt: str


def _cells(board: Leaderboard) -> tuple[CellResult | FailedCell, ...]:
    return (*board.cells, *board.failed)


def _parts(cell: CellResult | FailedCell) -> tuple[CellResult | FailedCell, ...]:
    return cell.parts if isinstance(cell, CellResult) else (cell,)


def _side_by_side(board: Leaderboard, samples: Mapping[str, Sequence[Sample]]) -> dict[int, dict[str, list[Sample]]]:
    """Put the samples of a dataset's cells side by side: index to cell to its samples, at most `MOST_RECORDS`."""
    rows: dict[int, dict[str, list[Sample]]] = {}
    for cell in (part for row in _cells(board) for part in _parts(row)):
        for sample in samples.get(cell.cell, ()):
            rows.setdefault(sample.index, {}).setdefault(cell.cell, []).append(sample)
    return dict(islice(sorted(rows.items()), MOST_RECORDS))


def _pack_record(
    index: int, row: Mapping[str, Sequence[Sample]], columns: Sequence[_Column], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Return one record.

    Args:
        index: The record's place in the test split.
        row: Cell name to its samples: one for each answer to the record.
        columns: In the order of the answers.
        metrics: In the order of the scores.
    """
    first = next(iter(row.values()))[0]
    prompts: dict[str, Any] = {}
    answers: list[Any] = []
    for column in columns:
        samples = [
            (part.seed, sample)
            for part in column.parts
            for sample in row.get(part.cell, ())
            if not isinstance(sample.outcome, NotAsked)
        ]
        if not samples:
            answers.append(None)
            continue
        prompt = _prompt(samples[0][1].prompt)
        own = {} if prompts.setdefault(column.prompt, prompt) == prompt else {"prompt": prompt}
        reply, *repeats = (
            {**_pack_answer(sample, metrics), **({} if seed is None else {"seed": seed})} for seed, sample in samples
        )
        answers.append({**reply, **own, **({"repeats": repeats} if repeats else {})})
    fields = [[name, _cut(value)] for name, value in first.record.items()]
    return {"index": index, "fields": fields, "prompts": prompts, "answers": answers}


def _pack_answer(sample: Sample, metrics: Sequence[Metric]) -> dict[str, Any]:
    answer = sample.answer or Answer()
    pending = {evaluator: f"pending: {error}" for evaluator, error in sample.pending_scores.items()}
    packed = {
        "output": None if sample.answer is None else _cut(answer.output),
        "error": _cut(sample.error),
        "latency": None if sample.answer is None else finite(answer.latency),
        "tokens": [answer.prompt_tokens, answer.output_tokens],
        "finish": answer.finish_reason,
        "scores": [finite(sample.scores.get(metric.name)) for metric in metrics],
        "unscored": {evaluator: _cut(text) for evaluator, text in {**sample.score_errors, **pending}.items()},
        "notes": _notes(sample),
    }
    kept_empty = ("output", "scores")
    return {
        name: value
        for name, value in packed.items()
        if name in kept_empty or value not in ("", None, {}, [], [None, None])
    }


def _notes(sample: Sample) -> list[list[Any]]:
    """Return what is kept beside an answer, each with a title: reasoning, evaluators' notes, and what became of their probes."""
    reasoning = sample.answer.reasoning if sample.answer else ""
    notes = [["reasoning", _cut(reasoning)]] if reasoning else []
    notes += [
        [f"{evaluator}: {name}", _cut(text)]
        for evaluator, texts in sample.notes.items()
        for name, text in texts.items()
    ]
    probes = [
        [f"{evaluator}: probe {probe.name}", _cut("\n".join(_probe_lines(probe)))]
        for evaluator, asked in sample.probes.items()
        for probe in asked
    ]
    return notes + probes


def _probe_lines(probe: ProbeSample) -> Iterator[str]:
    yield f"asked: {_prompt_text(probe.prompt)}"
    yield _outcome_line(probe.outcome)


def _outcome_line(outcome: Outcome) -> str:
    if not isinstance(outcome, Answered):
        return f"failed: {outcome.error}"
    if outcome.answer.log_probability is not None:
        return f"log-probability: {outcome.answer.log_probability:.4f}"
    return f"answered: {outcome.answer.output}"


def _prompt_text(prompt: Prompt) -> str:
    if isinstance(prompt, TextPrompt):
        return prompt.text
    return json.dumps([dict(message) for message in prompt.messages], ensure_ascii=False)


def _prompt(prompt: Prompt) -> Any:
    if isinstance(prompt, TextPrompt):
        return _cut(prompt.text)
    return [[message.get("role", ""), _cut(message.get("content", ""))] for message in prompt.messages]


def _cut(value: Any) -> Any:
    """Return a text, or what the page shows of one that is too long: `{cut: its start, of: its length}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else {"cut": text[:MOST_CHARACTERS], "of": len(text)}
