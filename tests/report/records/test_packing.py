"""One record as JSON for the page's script."""

from __future__ import annotations

from typing import Any

import attrs

from llmops_sdk.report.records.packing import MOST_CHARACTERS, Column, Forms, Mark, PackedRecord, pack_record
from llmops_sdk.report.records.streams import Row
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Pending
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import ChatPrompt, Prompt, TextPrompt
from llmops_sdk.values.retrieval import Example, Passage, Retrieved
from llmops_sdk.values.samples import Sample

from ..samples import METRICS, cell_result, sample

ROW = {"instruction": "i", "response": "r"}


def pack(*samples: Sample) -> PackedRecord:
    """Pack the answers of one candidate to one record."""
    cell = cell_result("a", list(samples))
    return pack_record(Row(0, {cell.cell: list(samples)}), [Column((cell,), "alpaca")], METRICS, Forms())


def answer(line: Sample) -> dict[str, Any]:
    """Return the candidate's answer in the packed record."""
    packed: dict[str, Any] = pack(line).texts["answers"][0]
    return packed


def test_an_answer_is_packed_with_its_numbers() -> None:
    """What is empty is left out; scores are in the order of the metrics, among the numbers."""
    packed = pack(sample(0, ROW, "yes", scores={"rougeL": 0.5, "meteor": 0.25}))

    assert {"output": "yes", "latency": 0.5, "tokens": [100, 20], "finish": "stop"} == packed.texts["answers"][0]
    (numbers,) = packed.numbers
    assert ((0.25, 0.5, None), 3, 20, 0.5) == (numbers.scores, numbers.characters, numbers.tokens, numbers.latency)
    assert 0 == numbers.marks


def test_a_record_without_an_answer_has_its_error() -> None:
    """Whether it failed for good or for now."""
    line = attrs.evolve(sample(0, ROW, None), outcome=Pending(0, "busy"))

    assert {"output": None, "error": "busy"} == answer(line)
    assert Mark.FAILED == pack(line).numbers[0].marks


def test_missing_scores_have_their_reason() -> None:
    """One that is pending is marked as such."""
    line = sample(0, ROW, "yes", score_errors={"rouge": "no words"}, pending_scores={"judge": "busy"})

    assert {"rouge": "no words", "judge": "pending: busy"} == answer(line)["unscored"]
    assert Mark.UNSCORED == pack(line).numbers[0].marks


def test_an_answer_that_came_with_scores_only_is_not_called_empty() -> None:
    """The file that has its scores has no texts."""
    scored = Answered(0, Answer("", scores={"rougeL": 0.5}))

    assert answer(attrs.evolve(sample(0, ROW, ""), outcome=scored))["textless"]
    assert "textless" not in answer(sample(0, ROW, ""))


def test_an_answer_that_reached_the_token_limit_is_marked() -> None:
    """The page can filter by it."""
    assert Mark.AT_LIMIT == pack(sample(0, ROW, "yes", finish_reason="length")).numbers[0].marks


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


def test_what_was_retrieved_is_beside_the_answer() -> None:
    """Passages first, with their scores and what was cut; an example has its question and its answer."""
    retrieved = Retrieved(
        passages=(
            Passage(id="7", title="Pool", text="It opens", score=1.25, of_words=9),
            Passage(id="8", text="Closed"),
        ),
        examples=(Example(place=3, record={"instruction": "Q?", "context": "", "response": "A"}),),
    )

    packed = answer(attrs.evolve(sample(0, ROW, "yes"), retrieved=retrieved))

    assert [
        ["passage 7: Pool (score 1.25, cut: 2 of 9 words)", "It opens"],
        ["passage 8 (score 0)", "Closed"],
        ["example: train record 3", "Q?\n\nA"],
    ] == packed["retrieved"]


def test_reasoning_is_shown_beside_the_answer() -> None:
    """Before the notes of evaluators."""
    reasoned = Answered(0, Answer("yes", reasoning="Is it? It is."))
    line = attrs.evolve(sample(0, ROW, "yes", notes={"judge": {"judgment": "good"}}), outcome=reasoned)

    assert [["reasoning", "Is it? It is."], ["judge: judgment", "good"]] == answer(line)["notes"]


def test_the_answers_to_a_record_are_packed_together() -> None:
    """The first one in front of its repeats, each with its own scores; the numbers have their mean and the longest."""
    first, second = (
        attrs.evolve(sample(0, ROW, text, scores={"meteor": score}), repeat=repeat)
        for repeat, (text, score) in enumerate((("yes", 0.5), ("no", 0.0)))
    )

    packed = pack(first, second)

    (reply,) = packed.texts["answers"]
    assert ("yes", [0.5, None, None]) == (reply["output"], reply["scores"])
    assert [("no", [0.0, None, None])] == [(each["output"], each["scores"]) for each in reply["repeats"]]
    assert ((0.25, None, None), 3) == (packed.numbers[0].scores, packed.numbers[0].characters)


def test_a_record_that_was_not_asked_has_no_answer() -> None:
    """The candidate stopped at an earlier look, which is no failure."""
    packed = pack(attrs.evolve(sample(1, ROW, None), outcome=NotAsked(1)))

    assert [None] == packed.texts["answers"]
    assert Mark.WITHOUT == packed.numbers[0].marks


def test_a_prompt_has_references_in_place_of_its_fields() -> None:
    """The same form of another record is kept once; a field that the prompt lacks makes no difference."""
    forms = Forms()
    records = [{"instruction": f"Do {word}.", "context": f"A {word}.", "response": "r" * 40} for word in ("one", "two")]

    packed = [forms.pack(f"Task: {each['instruction']}\n{each['context']}\nAnswer:", each) for each in records]

    assert [{"form": 0}, {"form": 0}] == packed
    assert '[["Task: ", ["instruction"], "\\n", ["context"], "\\nAnswer:"]]' == forms.json
    assert "none of it" == forms.pack("none of it", records[0])


def test_prompts_are_kept_once_for_each_template() -> None:
    """Candidates that share a prompt share its text; one that was asked otherwise keeps its own."""
    chat = ChatPrompt(({"role": "user", "content": "hello"},))
    same = TextPrompt("same prompt")
    prompts: dict[str, Prompt] = {"a": same, "b": same, "c": TextPrompt("another prompt"), "d": chat}
    row = {"instruction": "x", "response": "y"}
    samples = {name: [attrs.evolve(sample(0, row, "o"), prompt=prompt)] for name, prompt in prompts.items()}
    columns = [
        Column((cell_result(name, lines, cell=name),), "chat" if name == "d" else "alpaca")
        for name, lines in samples.items()
    ]

    texts = pack_record(Row(0, samples), columns, METRICS, Forms()).texts

    assert {"alpaca": "same prompt", "chat": [["user", "hello"]]} == texts["prompts"]
    assert [None, None, "another prompt", None] == [reply.get("prompt") for reply in texts["answers"]]


def test_what_is_asked_is_the_first_field() -> None:
    """Whatever the order of the record's file; other fields keep theirs."""
    texts = pack(sample(0, {"category": "c", "response": "r", "about": "a", "instruction": "i"}, "yes")).texts

    assert ["instruction", "response", "category", "about"] == [name for name, _ in texts["fields"]]


def test_long_text_is_cut_and_marked() -> None:
    """A text beyond the limit is cut to it and carries its true length."""
    line = sample(0, {"instruction": "i"}, "o" * 54_321, prompt="p" * 54_321)

    assert {"cut": "o" * MOST_CHARACTERS, "of": 54_321} == answer(line)["output"]
    assert {"cut": "p" * MOST_CHARACTERS, "of": 54_321} == pack(line).texts["prompts"]["alpaca"]
