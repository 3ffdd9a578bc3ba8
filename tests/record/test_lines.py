"""The JSONL files of the record, read a line at a time."""

from __future__ import annotations

import pytest

from llmops_sdk import RecordError
from llmops_sdk.record.lines import (
    journal_line,
    read_journal_line,
    read_outcome,
    read_outcomes,
    read_samples,
    read_scores,
)
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import RecordScore, Scored, Unscored
from llmops_sdk.values.serial import to_line

OUTCOMES: list[Outcome] = [Answered(0, Answer("yes", 3, 1, "stop")), Unanswered(1, "refused"), Pending(2, "busy")]
SCORES: list[RecordScore] = [Scored(0, {"f1": 1.0}, {"why": "equal"}), Unscored(1, "empty"), Pending(2, "busy")]
SAMPLES = [
    Sample({"question": "?"}, TextPrompt("?"), OUTCOMES[0], {"f1": 1.0}, notes={"judge": {"why": "equal"}}),
    Sample({}, ChatPrompt(({"role": "user", "content": "?"},)), OUTCOMES[2], pending_scores={"judge": "busy"}),
]


def test_lines_are_read_back_as_they_were_written() -> None:
    """Each into its class, by its tag."""
    assert OUTCOMES == list(read_outcomes((to_line(one, Outcome) for one in OUTCOMES), "generations.jsonl"))
    assert SCORES == list(read_scores((to_line(one, RecordScore) for one in SCORES), "scores.jsonl"))
    assert SAMPLES == list(read_samples((to_line(one, Sample) for one in SAMPLES), "samples.jsonl"))
    assert OUTCOMES[0] == read_outcome(to_line(OUTCOMES[0], Outcome))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"index": 1\n', "Expecting ',' delimiter"),
        (b'{"type": "Answered", "index": 1}\n', "'answer' is missing"),
        (
            b'{"type": "Asked", "index": 1}\n',
            "expected a 'type' of Answered or Unanswered or Pending or NotAsked, found 'Asked'",
        ),
    ],
)
def test_a_damaged_line_is_an_error_with_its_number(line: bytes, reason: str) -> None:
    """The lines before it are read."""
    outcomes = read_outcomes([to_line(OUTCOMES[0], Outcome), line], "generations.jsonl")

    assert OUTCOMES[0] == next(outcomes)
    with pytest.raises(RecordError, match=r"line 2 of 'generations\.jsonl' is damaged: ") as failure:
        next(outcomes)
    assert reason in str(failure.value)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_line_of_a_journal_has_a_checksum(outcome: Outcome) -> None:
    """Whichever byte is altered, the line is refused; one of an earlier version, without a checksum, is read."""
    line = journal_line(outcome)

    assert (outcome, to_line(outcome, Outcome)) == read_journal_line(line)
    assert (outcome, to_line(outcome, Outcome)) == read_journal_line(to_line(outcome, Outcome))
    for place in range(len(line) - 1):
        for letter in b"x0":
            altered = line[:place] + bytes([letter]) + line[place + 1 :]
            if altered != line:
                with pytest.raises(Exception):  # noqa: B017, PT011 - whatever is wrong with it
                    read_journal_line(altered)
