"""The journal of answers, and the ordered file that is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from llmops_sdk.record.layout import GENERATIONS, ArtifactLayout
from llmops_sdk.record.lines import journal_line, read_outcomes
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.cell.answers import AnswerFiles, AnswerSummary
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Outcome, Pending, Unanswered
from llmops_sdk.values.serial import file_sha256

YES, NO = Answer("yes"), Answer("no")


@pytest.fixture(name="files")
def _files(store: Store) -> AnswerFiles:
    return AnswerFiles(store, ArtifactLayout("generations/1f"), 4)


def write(files: AnswerFiles, outcomes: Iterable[Outcome]) -> None:
    """Write an attempt's journal."""
    with files.open_journal() as journal:
        for outcome in outcomes:
            journal.write(journal_line(outcome))


def ordered(files: AnswerFiles, folder: Path) -> tuple[AnswerSummary, list[Outcome]]:
    """Return the summary and the outcomes of the ordered file."""
    folder.mkdir()
    summary = files.write_ordered(folder)
    with (folder / GENERATIONS).open("rb") as lines:
        return summary, list(read_outcomes(lines, GENERATIONS))


def test_outcomes_are_put_into_order(files: AnswerFiles, tmp_path: Path) -> None:
    """Whatever the order in which they came; answered and pending ones are counted."""
    write(files, [Answered(3, YES), Unanswered(1, "refused"), Pending(0, "busy"), Answered(2, NO)])

    summary, outcomes = ordered(files, tmp_path / "final")

    assert [Pending(0, "busy"), Unanswered(1, "refused"), Answered(2, NO), Answered(3, YES)] == outcomes
    assert (2, 1) == (summary.answered, summary.pending)
    assert file_sha256(tmp_path / "final" / GENERATIONS) == summary.sha256
    assert [GENERATIONS] == [path.name for path in (tmp_path / "final").iterdir()]


def test_many_outcomes_are_put_into_order(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that do not fit into the memory that is meant for them take a file meanwhile, of which nothing is left."""
    monkeypatch.setattr("llmops_sdk.steps.cell.answers._IN_MEMORY", 1_000)
    files = AnswerFiles(store, ArtifactLayout("generations/1f"), 100)
    expected = [Answered(index, Answer(f"answer {index}")) for index in range(100)]
    write(files, reversed(expected))

    summary, outcomes = ordered(files, tmp_path / "final")

    assert expected == outcomes
    assert 100 == summary.answered
    assert [GENERATIONS] == [path.name for path in (tmp_path / "final").iterdir()]


def test_a_later_attempt_replaces_failures_only(files: AnswerFiles, tmp_path: Path) -> None:
    """An answer is never replaced by a failure, and a failure by whatever came last."""
    write(files, [Answered(0, YES), Pending(1, "busy"), Pending(2, "busy"), Unanswered(3, "refused")])
    write(files, [Pending(0, "busy"), Answered(1, NO), Unanswered(2, "refused")])

    summary, outcomes = ordered(files, tmp_path / "final")

    assert [Answered(0, YES), Answered(1, NO), Unanswered(2, "refused"), Unanswered(3, "refused")] == outcomes
    assert (2, 0, "refused") == (summary.answered, summary.pending, summary.error)


def test_settled_questions_are_not_asked_again(files: AnswerFiles) -> None:
    """Those that were answered or failed for good; a pending one and one that was not reached are asked."""
    write(files, [Answered(0, YES), Pending(1, "busy"), Unanswered(2, "refused")])

    assert [1, 0, 1, 0] == list(files.settled())


@pytest.mark.parametrize(
    "damaged",
    [
        b"\0" * 20,
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 10_000,
        journal_line(Answered(3, YES))[:20],
        journal_line(Answered(3, YES)).replace(b"yes", b"yet").strip(),
        b'{"type":"Answered","index":3}',
        b'{"type":"Guessed","index":3,"error":""}',
        b'{"type":"Answered","index":true,"answer":{"output":"yes"}}',
        journal_line(Answered(4, YES)).strip(),
        journal_line(Answered(-1, YES)).strip(),
        journal_line(Answered(10**30, YES)).strip(),
    ],
)
def test_a_damaged_line_is_a_question_that_was_not_asked(
    damaged: bytes, files: AnswerFiles, store: Store, tmp_path: Path
) -> None:
    """Zeros, half a line, other JSON, a wrong tag, a question that there is not, an altered letter: each costs its question only."""
    store.put(f"{files.layout.segments}/0.jsonl", journal_line(Answered(0, YES)) + damaged + b"\n")

    assert [1, 0, 0, 0] == list(files.settled())

    write(files, [Answered(1, NO), Answered(2, NO), Answered(3, NO)])
    assert 4 == ordered(files, tmp_path / "final")[0].answered


def test_a_lost_answer_is_pending(files: AnswerFiles, tmp_path: Path) -> None:
    """A question that no line of the journal has is asked by the next attempt; the others keep their places."""
    write(files, [Answered(0, YES), Answered(2, NO), Answered(3, NO)])

    summary, outcomes = ordered(files, tmp_path / "final")

    assert (3, 1) == (summary.answered, summary.pending)
    assert Pending(1, "its answer was lost; it is asked again") == outcomes[1]


def test_a_repeated_line_counts_once(files: AnswerFiles, tmp_path: Path) -> None:
    """The first answer stays, whatever comes after it."""
    write(files, [Answered(0, YES), Answered(0, NO), Pending(0, "busy"), Answered(1, NO)])

    assert [1, 1, 0, 0] == list(files.settled())
    summary, outcomes = ordered(files, tmp_path / "final")
    assert (2, Answered(0, YES)) == (summary.answered, outcomes[0])


def test_a_deleted_journal_is_empty(files: AnswerFiles) -> None:
    """All of its attempts are deleted."""
    for _ in range(2):
        write(files, [Answered(0, YES)])

    files.delete_journal()

    assert [0, 0, 0, 0] == list(files.settled())


def test_questions_that_are_not_due(store: Store, tmp_path: Path) -> None:
    """Without an outcome they are not asked, which is not pending; one that was asked before keeps its outcome."""
    files = AnswerFiles(store, ArtifactLayout("generations/2f"), 4, due=bytes([1, 0, 1, 0]))
    write(files, [Answered(0, YES), Answered(3, NO)])

    summary, outcomes = ordered(files, tmp_path / "final")

    assert [Answered(0, YES), NotAsked(1), Answered(3, NO)] == [outcomes[index] for index in (0, 1, 3)]
    assert isinstance(outcomes[2], Pending)
    assert (2, 1) == (summary.answered, summary.pending)
