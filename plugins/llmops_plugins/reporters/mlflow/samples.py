"""The answers of a run as files for MLflow, and what they add up to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import attrs

from llmops_sdk.plugin import Answer, Run, Sample, ScoredAnswer, TextPrompt, canonical, read_answers, to_json

SAMPLES = "samples.jsonl"
TABLE = "samples.json"
"""The first samples in the form of MLflow's tables, which its pages show."""

MOST_ROWS = 500
"""The most rows of a table: a browser loads all of them."""


@attrs.frozen(kw_only=True)
class Amounts:
    """What the answers of a candidate add up to; None where no answer has the number.

    Attributes:
        prompt_tokens: Tokens of the prompts.
        output_tokens: Tokens of the answers.
        cost: US dollars.
    """

    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None

    def __add__(self, other: Amounts | Answer) -> Amounts:
        return Amounts(
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            cost=_sum(self.cost, other.cost),
        )


def write_samples(run: Run, folder: Path | None) -> dict[str, Amounts]:
    """Read the answers of a run, and return what those of each cell add up to.

    Args:
        run: A run with results.
        folder: Where the files of each cell are written, in a folder of its name; None writes none.
    """
    amounts: dict[str, Amounts] = {}
    for cell, answers in groupby(read_answers(run), key=lambda scored: scored.cell.cell):
        with ExitStack() as stack:
            writer = None
            if folder is not None:
                (folder / cell).mkdir()
                writer = _Writer(stack.enter_context((folder / cell / SAMPLES).open("w", encoding="utf-8")))
            amounts[cell] = _add_up(answers, writer)
            if writer is not None and folder is not None:
                (folder / cell / TABLE).write_text(json.dumps(writer.table, ensure_ascii=False), encoding="utf-8")
    return amounts


class _Writer:
    """Writes the samples of one cell line by line, and keeps the first ones as a table."""

    def __init__(self, lines: IO[str]) -> None:
        self._lines = lines
        self.table: dict[str, list[Any]] = {"columns": [], "data": []}

    def add(self, scored: ScoredAnswer) -> None:
        row = _row(scored)
        self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        if len(self.table["data"]) < MOST_ROWS:
            self.table["columns"] = list(row)  # of all rows the same: they follow from the run's metrics
            self.table["data"].append(list(row.values()))


def _add_up(answers: Iterable[ScoredAnswer], writer: _Writer | None) -> Amounts:
    total = Amounts()
    for scored in answers:
        total += scored.sample.answer or Answer()
        if writer is not None:
            writer.add(scored)
    return total


def _row(scored: ScoredAnswer) -> dict[str, Any]:
    sample = scored.sample
    answer = sample.answer or Answer()
    errors = [sample.error, *(score.error for score in scored.scores)]
    return {
        "question": _text(sample.record.get("instruction")),
        "answer": sample.output,
        "reference": _text(sample.record.get("response")),
        **{f"score/{score.metric.name}": score.value for score in scored.scores},
        "error": next(filter(None, errors), ""),
        "context": _text(sample.record.get("context")),
        "prompt": _prompt(sample),
        "record": sample.index,
        "record_hash": scored.record_hash,
        "repeat": sample.repeat,
        "latency": answer.latency,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "cost": answer.cost,
    }


def _prompt(sample: Sample) -> str:
    prompt = sample.prompt
    return prompt.text if isinstance(prompt, TextPrompt) else _text(to_json(prompt.messages))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value).decode()


def _sum(one: Any, other: Any) -> Any:
    return one if other is None else other if one is None else one + other
