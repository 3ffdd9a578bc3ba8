"""Results that other tools leave: scored records of one candidate, with what pairs them among candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import attrs

from llmops_sdk.values.answers import Answer
from llmops_sdk.values.data import Record
from llmops_sdk.values.scores import Metric

IMPORTED_RECORDS = "imported"
"""The dataset whose records `llmops compare` wrote: no model was asked for them by this run."""

_SHOWN = 60


@attrs.frozen
class ImportedRow:
    """One record with a candidate's answer and scores.

    Attributes:
        key: What pairs it: rows with equal keys are the same record. Others' hashes of document, prompt and target where
            the tool has them, else its ID.
        record: What is known of the record: instruction, context, response (the reference), and any other field.
        answer: The answer with its scores (`Answer.scores`), its output empty where the file has no texts; None where
            there is none.
        error: Why there is no answer, or no score; empty otherwise.
        is_missing: Whether that is the infrastructure's doing, such as a request that failed, not the candidate's own.
        must_agree: What must be equal under one key: a name such as `prompt` or `target`, to a hash or a short text. A
            difference is refused unless the user declares it.
        group: The cluster of the record, such as a document or a conversation; empty if it has none.
    """

    key: str
    record: Record
    answer: Answer | None
    error: str = ""
    is_missing: bool = False
    must_agree: Mapping[str, str] = attrs.field(factory=dict)
    group: str = ""


@attrs.frozen
class ImportedResults:
    """One candidate on one dataset, as a result file has it.

    Attributes:
        candidate: The model's name there.
        dataset: The name of the task or of the file there.
        metrics: Those of the scores; the direction and bounds where the tool records them or the metric is a known one.
        rows: May be iterated once, as a stream, before the next results are asked for.
        must_agree: What must be equal among the files of one dataset, as `ImportedRow.must_agree`: the version of a
            grader or metric, the options of the generation.
        details: What else to record: the tool and its version, the date, the file's hash.
        has_outputs: Whether the rows have the answers' texts.
    """

    candidate: str
    dataset: str
    metrics: tuple[Metric, ...]
    rows: Iterable[ImportedRow]
    must_agree: Mapping[str, str] = attrs.field(factory=dict)
    details: Mapping[str, str] = attrs.field(factory=dict)
    has_outputs: bool = True


def text_fingerprint(text: str) -> str:
    """Return a short text that two texts share only if they are equal, except for spaces: a short text itself, else its start and hash.

    Importers put it into `ImportedRow.must_agree`, so that the files of two tools agree where their texts do.

    >>> text_fingerprint("Say  hi"), text_fingerprint("")
    ('Say hi', '')
    >>> text_fingerprint("word " * 20)
    'word word word word word word word word word word word word ... (SHA-256 28c51cf74fce)'
    """
    one_line = " ".join(text.split())
    if len(one_line) <= _SHOWN:
        return one_line
    hashed = hashlib.sha256(one_line.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{one_line[:_SHOWN]}... (SHA-256 {hashed[:12]})"
