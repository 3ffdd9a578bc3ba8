"""The answers to a cell's questions: a journal in the order in which they come, then a file in the questions' order.

A killed step resumes with the questions that the journal does not have. The journal is kept while an answer is pending.
"""

from __future__ import annotations

import secrets
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile

import attrs

from llmops_sdk.record.layout import GENERATIONS, ArtifactLayout
from llmops_sdk.record.lines import read_journal_line
from llmops_sdk.record.stores import Journal, Store
from llmops_sdk.values.answers import Answered, NotAsked, Outcome, Pending, Unanswered
from llmops_sdk.values.serial import file_sha256, to_line

_NONE, _UNANSWERED, _PENDING, _ANSWERED = range(4)
"""What is known of a question."""

_IN_MEMORY = 1 << 20
"""Bytes of unordered lines up to which they take no file: to create and delete one takes longer than to write few lines."""

_LOST = "its answer was lost; it is asked again"


@attrs.define
class AnswerSummary:
    """What the file of a cell's answers holds.

    Attributes:
        answered: Questions with an answer.
        pending: Questions that failed for now.
        error: Of one that failed, or empty.
        sha256: Of the file.
    """

    answered: int = 0
    pending: int = 0
    error: str = ""
    sha256: str = ""


@attrs.frozen
class AnswerFiles:
    """The journal and the file of one set of questions.

    Attributes:
        store: Where they are.
        layout: The keys of their artifact.
        total: The number of questions.
        due: A byte for each question, 1 where it is asked by now; None where all are.
    """

    store: Store
    layout: ArtifactLayout
    total: int
    due: bytes | None = None

    def settled(self) -> bytearray:
        """Return a byte for each question: 1 where it needs not be asked again."""
        settled = bytearray(self.total)
        for outcome, _ in self._journal():
            settled[outcome.index] |= not isinstance(outcome, Pending)  # what is answered stays so
        return settled

    def open_journal(self) -> Journal:
        """Open the journal of this attempt, which adds to those of earlier ones."""
        attempt = f"{time.time_ns():020d}-{secrets.token_hex(2)}"
        return self.store.journal(self.layout.segments, attempt)

    def write_ordered(self, folder: Path) -> AnswerSummary:
        """Write `generations.jsonl` into a folder: the newest outcome of each question, in the questions' order.

        Holds one offset (8 bytes) and one byte for each question, and few of the lines.
        """
        path = folder / GENERATIONS
        draft = path.with_suffix(".tmp")
        offsets, states = array("q", [-1]) * self.total, bytearray(self.total)
        summary = AnswerSummary()
        with SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)) as unordered, draft.open("wb") as out:
            for outcome, line in self._journal():
                if states[outcome.index] == _ANSWERED:  # an answer is never replaced by a later failure
                    continue
                offsets[outcome.index] = unordered.tell()
                states[outcome.index] = _STATES[type(outcome)]
                unordered.write(line)
                if not isinstance(outcome, Answered):
                    summary.error = outcome.error
            for index, offset in enumerate(offsets):
                if offset < 0 and self.due and not self.due[index]:
                    out.write(to_line(NotAsked(index), Outcome))
                    continue
                if offset < 0:  # the journal lost it
                    states[index] = _PENDING
                    out.write(to_line(Pending(index, _LOST), Outcome))
                    continue
                unordered.seek(offset)
                out.write(unordered.readline())
        draft.replace(path)
        summary.answered, summary.pending = states.count(_ANSWERED), states.count(_PENDING)
        summary.sha256 = file_sha256(path)
        return summary

    def delete_journal(self) -> None:
        """Delete the journals of all attempts."""
        self.store.delete(f"{self.layout.segments}/")

    def _journal(self) -> Iterator[tuple[Outcome, bytes]]:
        """Yield the outcomes of all attempts with their lines as the file has them; a damaged line is as if not there."""
        for line in self.store.read_lines(self.layout.segments):
            try:
                outcome, line_of_file = read_journal_line(line)
            except Exception:  # noqa: BLE001, S112 - whatever is wrong with it, the question is asked again
                continue
            if 0 <= outcome.index < self.total:
                yield outcome, line_of_file


_STATES = {Answered: _ANSWERED, Unanswered: _UNANSWERED, Pending: _PENDING}
