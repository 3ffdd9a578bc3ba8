"""The normal form of what is compared: a file of records for each dataset, and one of answers for each candidate."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import attrs

from llmops_sdk.pipeline.imports.entries import KEY, Boards, Entry
from llmops_sdk.pipeline.imports.pairing import Agreement, PairedRow, RowTable
from llmops_sdk.values.scores import Metric

GROUP = "group"
"""The field of a compared record with its cluster."""

SCORE_FIELD = "score of "
"""The start of the name of a field with scores; the metric's name follows."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@attrs.define
class BoardFile:
    """The records of one dataset.

    Attributes:
        name: The dataset's name.
        path: The file.
        records: Their number.
        grouped: The number of those in a group.
        repeated: Candidate to the number of its records with several rows.
        declared: What differs under one key, as declared, with the number of records.
    """

    name: str
    path: Path
    records: int = 0
    grouped: int = 0
    repeated: dict[str, int] = attrs.field(factory=dict)
    declared: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class NormalForm:
    """The files of a comparison.

    Attributes:
        boards: The records of each dataset.
        answers: Candidate to the file with its answers.
    """

    boards: tuple[BoardFile, ...]
    answers: Mapping[str, Path]


def score_fields(metrics: Sequence[Metric]) -> dict[str, str]:
    """Return the field of each metric in a file of answers."""
    return {metric.name: f"{SCORE_FIELD}{metric.name}" for metric in metrics}


def write_normal_form(
    folder: Path, boards: Boards, table: RowTable, metrics: Sequence[Metric], allowed: Collection[str]
) -> NormalForm:
    """Write the records that all candidates have, and their answers.

    Args:
        folder: Where to write.
        boards: What is compared.
        table: The rows.
        metrics: The metrics, the one that decides first.
        allowed: The names of what may differ under one key.

    Raises:
        DataError: Something differs that was not declared.
    """
    files: list[BoardFile] = []
    paths = {name: folder / f"answers-{name}.jsonl" for name in boards.candidates}
    fields = {name: _fields(boards, name) for name in paths}
    with ExitStack() as stack:
        answers = {name: stack.enter_context(path.open("w", encoding="utf-8")) for name, path in paths.items()}
        for name, entries in boards.entries.items():
            file = BoardFile(name, folder / f"records-{name}.jsonl")
            agreement = Agreement(entries, allowed)
            table.pair(entries)
            with file.path.open("w", encoding="utf-8") as records:
                for key, rows in table.records(entries):
                    agreement.check(key, rows)
                    own_key = key if len(boards.entries) == 1 else f"{name}/{key}"
                    _write(records, _record(own_key, key, rows, file))
                    _write_answers(answers, fields, entries, rows, metrics, own_key, file)
            agreement.require(file.records)
            file.declared = agreement.declared
            files.append(file)
    return NormalForm(tuple(files), paths)


def join_answers(answers: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> Mapping[str, Any]:
    """Return the answers to one record as one: the first text, and the means of the scores.

    A mean counts the candidate's own failures as the metric's worst score. Where an answer is missing, the record is:
    what is missing need not be missing by chance.

    Args:
        answers: As JSON, one or more.
        metrics: The metrics, the one that decides first.
    """
    if len(answers) == 1:
        return answers[0]
    missing = next((answer for answer in answers if answer.get("is_missing")), None)
    failed = [answer for answer in answers if "error" in answer]
    if missing is not None:
        return missing
    if failed and (len(failed) == len(answers) or metrics[0].worst is None):
        return failed[0]
    scores = {}
    for metric in metrics:
        numbers = [metric.worst if "error" in answer else answer["scores"].get(metric.name) for answer in answers]
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            scores[metric.name] = _mean(known)
    answered = [answer for answer in answers if "error" not in answer]
    latencies = [answer["latency"] for answer in answered if "latency" in answer]
    latency = {"latency": _mean(latencies)} if latencies else {}
    return {**answered[0], **latency, "scores": scores}


def _mean(numbers: Sequence[float]) -> float:
    """Return a mean that does not depend on the order, equal to that of a run that asks each record several times."""
    total = 0.0
    for number in sorted(numbers):
        total += number
    return total / len(numbers)


def _fields(boards: Boards, candidate: str) -> tuple[str, ...]:
    """Return the fields that the answers of a candidate have anywhere: a reader looks for them in the first rows."""
    entries = [entry for entries in boards.entries.values() for entry in entries if entry.name == candidate]
    return tuple(sorted({"error", "is_missing"}.union(*(entry.fields for entry in entries))))


def _record(own_key: str, key: str, rows: Sequence[PairedRow], file: BoardFile) -> Mapping[str, Any]:
    """Return a record with all that the sources know of it; where they differ, the first one counts."""
    fields: dict[str, Any] = {}
    for row in rows:
        fields.update({name: value for name, value in row.record.items() if name not in fields})
    group = next((row.group for row in rows if row.group), "")
    file.records += 1
    if group:
        file.grouped += 1
        if fields.get(GROUP, group) != group:
            fields[f"own_{GROUP}"] = fields[GROUP]
        fields[GROUP] = group
    texts = {"instruction": fields.pop("instruction", None) or key, "context": fields.pop("context", None) or ""}
    reference = fields.pop("response", None)
    return {**texts, **({"response": reference} if reference not in (None, "") else {}), **fields, KEY: own_key}


def _write_answers(
    answers: Mapping[str, IO[str]],
    fields: Mapping[str, Sequence[str]],
    entries: Sequence[Entry],
    rows: Sequence[PairedRow],
    metrics: Sequence[Metric],
    own_key: str,
    file: BoardFile,
) -> None:
    for entry in entries:
        own = [row.answer for row in rows if row.entry == entry.number]
        if len(own) > 1:
            file.repeated[entry.name] = file.repeated.get(entry.name, 0) + 1
        joined = join_answers(own, metrics)
        scores = joined.get("scores", {})
        line: dict[str, Any] = {KEY: own_key, **{name: joined.get(name) for name in fields[entry.name]}}
        if "output" in line and "error" not in joined:
            line["output"] = joined.get("output", "")
        line.update({f"{SCORE_FIELD}{metric.name}": scores.get(metric.name) for metric in metrics})
        _write(answers[entry.name], line)


def _write(file: IO[str], line: Mapping[str, Any]) -> None:
    file.write(f"{_encode(line)}\n")
