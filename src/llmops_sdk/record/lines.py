"""The JSONL files of the record, a line at a time: journals, generations, scores and samples.

The lines of a journal have a checksum each: the file is never finished, so no hash covers it. Lines that version 0.1
wrote are read too.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from llmops_sdk.errors import RecordError
from llmops_sdk.record.schema1 import upgrade_outcome, upgrade_sample, upgrade_score
from llmops_sdk.values.answers import Outcome
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import RecordScore
from llmops_sdk.values.serial import explain, from_json, to_line

_T = TypeVar("_T")
_CHECKSUM = re.compile(rb',"crc32":(\d{1,10})\}\n$')


def journal_line(outcome: Outcome) -> bytes:
    """Return an outcome as a line of a journal, with the checksum of the line without it."""
    line = to_line(outcome, Outcome)
    return b'%s,"crc32":%d}\n' % (line[:-2], zlib.crc32(line))


def read_journal_line(line: bytes) -> tuple[Outcome, bytes]:
    """Return the outcome on one line of a journal, and the line without its checksum.

    Raises:
        ValueError: The line is damaged.
    """
    checksum = _CHECKSUM.search(line)
    if checksum is not None:
        line = line[: checksum.start()] + b"}\n"
        if zlib.crc32(line) != int(checksum[1]):
            message = "it was changed: its checksum is another one"
            raise ValueError(message)
    return read_outcome(line), line


def read_outcome(line: bytes) -> Outcome:
    """Return the outcome on one line of `generations.jsonl`.

    Raises:
        ValueError: The line is damaged.
    """
    data = json.loads(line)
    outcome: Outcome = from_json(data if "type" in data else upgrade_outcome(data), Outcome)
    return outcome


def read_outcomes(lines: Iterable[bytes], file: str) -> Iterator[Outcome]:
    """Yield the outcomes of `generations.jsonl`.

    Args:
        lines: The file's lines.
        file: What messages call it.

    Raises:
        RecordError: A line is damaged.
    """
    return _read(lines, file, read_outcome)


def read_scores(lines: Iterable[bytes], file: str) -> Iterator[RecordScore]:
    """Yield the scores of `scores.jsonl`; see `read_outcomes`."""
    return _read(lines, file, _score)


def read_samples(lines: Iterable[bytes], file: str) -> Iterator[Sample]:
    """Yield the samples of `samples/<cell>.jsonl`; see `read_outcomes`."""
    return _read(lines, file, _sample)


def _read(lines: Iterable[bytes], file: str, read: Callable[[bytes], _T]) -> Iterator[_T]:
    for number, line in enumerate(lines, start=1):
        try:
            yield read(line)
        except Exception as exc:
            reason = str(exc) if isinstance(exc, json.JSONDecodeError) else explain(exc)
            message = f"line {number} of {file!r} is damaged: {reason}"
            raise RecordError(message) from exc


def _score(line: bytes) -> RecordScore:
    data = json.loads(line)
    score: RecordScore = from_json(data if "type" in data else upgrade_score(data), RecordScore)
    return score


def _sample(line: bytes) -> Sample:
    data: dict[str, Any] = json.loads(line)
    sample: Sample = from_json(data if "outcome" in data else upgrade_sample(data), Sample)
    return sample
