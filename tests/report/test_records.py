"""Records as JSON for the page's script."""

from __future__ import annotations

import json
from typing import Any

import attrs

from llmops_sdk.report.boards import candidate_colours
from llmops_sdk.report.records import PackedRecords, pack_records
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Pending
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt
from llmops_sdk.values.samples import Sample

from .samples import METRICS, one_cell, sample

ROW = {"instruction": "i", "response": "r"}


def pack(*lines: Sample) -> PackedRecords:
    """Pack the samples of one candidate."""
    data = one_cell(list(lines))
    return pack_records(data.results.leaderboards[0], data.samples, METRICS, candidate_colours(data.results))


def answer(line: Sample) -> dict[str, Any]:
    """Return the candidate's answer in the packed record."""
    packed: dict[str, Any] = json.loads(pack(line).payload)["records"][0]["answers"][0]
    return packed


def test_an_answer_is_packed_with_its_numbers() -> None:
    """Scores in the order of the metrics; what is empty is left out."""
    packed = answer(sample(0, ROW, "yes", scores={"rougeL": 0.5, "meteor": 0.25}))

    assert {
        "output": "yes",
        "latency": 0.5,
        "tokens": [100, 20],
        "finish": "stop",
        "scores": [0.25, 0.5, None],
    } == packed


def test_a_record_without_an_answer_has_its_error() -> None:
    """Whether it failed for good or for now."""
    line = attrs.evolve(sample(0, ROW, None), outcome=Pending(0, "busy"))

    assert {"output": None, "error": "busy", "scores": [None, None, None]} == answer(line)


def test_missing_scores_have_their_reason() -> None:
    """One that is pending is marked as such."""
    line = sample(0, ROW, "yes", score_errors={"rouge": "no words"}, pending_scores={"judge": "busy"})

    assert {"rouge": "no words", "judge": "pending: busy"} == answer(line)["unscored"]


def test_notes_and_probes_have_titles() -> None:
    """A chat is shown as JSON, a log-probability with four decimals."""
    chat = ChatPrompt(({"role": "user", "content": "again"},))
    probes = (
        ProbeSample("0", chat, Answered(0, Answer("yes"))),
        ProbeSample("more", TextPrompt("a text"), Answered(1, Answer(log_probability=-1.25))),
    )
    line = sample(0, ROW, "yes", notes={"judge": {"judgment": "good"}}, probes={"robust": probes})

    assert [
        ["judge: judgment", "good"],
        ["robust: probe 0", 'asked: [{"role": "user", "content": "again"}]\nanswered: yes'],
        ["robust: probe more", "asked: a text\nlog-probability: -1.2500"],
    ] == answer(line)["notes"]


def test_reasoning_is_shown_beside_the_answer() -> None:
    """Before the notes of evaluators."""
    reasoned = Answered(0, Answer("yes", reasoning="Is it? It is."))
    line = attrs.evolve(sample(0, ROW, "yes", notes={"judge": {"judgment": "good"}}), outcome=reasoned)

    assert [["reasoning", "Is it? It is."], ["judge: judgment", "good"]] == answer(line)["notes"]


def test_records_are_in_order_and_counted() -> None:
    """Whatever the order of the samples."""
    packed = pack(*(sample(index, ROW, "yes", scores={"meteor": 0.5}) for index in (2, 0, 1)))

    assert (3, 3) == (packed.shown, packed.known)
    assert [0, 1, 2] == [record["index"] for record in json.loads(packed.payload)["records"]]


def test_the_answers_to_a_record_are_packed_together() -> None:
    """The first one in front of its repeats, each with its own scores."""
    first, second = (
        attrs.evolve(sample(0, ROW, text, scores={"meteor": score}), repeat=repeat)
        for repeat, (text, score) in enumerate((("yes", 0.5), ("no", 0.0)))
    )

    packed = pack(first, second)

    (record,) = json.loads(packed.payload)["records"]
    (reply,) = record["answers"]
    assert ("yes", [0.5, None, None]) == (reply["output"], reply["scores"])
    assert [("no", [0.0, None, None])] == [(each["output"], each["scores"]) for each in reply["repeats"]]
    assert (1, 1) == (packed.shown, packed.known)


def test_a_record_that_was_not_asked_has_no_answer() -> None:
    """The candidate stopped at an earlier look, which is no failure."""
    lines = [sample(0, ROW, "yes"), attrs.evolve(sample(1, ROW, None), outcome=NotAsked(1))]
    data = one_cell(lines)
    (board,) = data.results.leaderboards
    board = attrs.evolve(board, cells=(attrs.evolve(board.cells[0], look=1, not_asked=1),))

    packed = json.loads(pack_records(board, data.samples, METRICS, candidate_colours(data.results)).payload)

    assert [False, True] == [record["answers"] == [None] for record in packed["records"]]
    assert packed["head"]["candidates"][0]["stopped"]
    assert "stopped" not in json.loads(pack(*lines).payload)["head"]["candidates"][0]
