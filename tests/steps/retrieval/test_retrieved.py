"""What a prompt retrieves: found once, never of the test split, and part of what is asked and trained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_sdk import Pipeline, Result
from llmops_sdk.plugin import Failed, Sample, Succeeded, TextPrompt

from ..conftest import Run
from .conftest import CITIES, Asking, Write

PASSAGES = [{"id": city, "text": f"{city} has a famous tower."} for city in CITIES]
BY = "shared-words"


def samples(result: Result, cell: str = "base.with.cities") -> list[Sample]:
    """The samples of a cell."""
    return list(result.run.samples(cell))


def error(result: Result) -> str:
    """Why the data could not be prepared."""
    record = result.run.record("prepare.cities")
    assert isinstance(record, Failed)
    return record.error


def text_of(sample: Sample) -> str:
    """The text of a prompt."""
    assert isinstance(sample.prompt, TextPrompt)
    return sample.prompt.text


def test_passages_are_in_the_prompt_and_beside_the_answer(asking: Asking, write: Write, run: Run) -> None:
    """The best passage first; the record is as in the dataset."""
    documents = write("docs.jsonl", PASSAGES)

    tokyo, _ = samples(run(asking(retrieve={"from": documents, "k": 1, "by": BY})))

    assert (
        "Passages that may help to answer:\n\n[1] Tokyo has a famous tower.\n\nWhat is Tokyo known for?\n\nabout Tokyo"
    ) == text_of(tokyo)
    assert {"instruction", "context", "response"} == set(tokyo.record)
    assert tokyo.retrieved is not None
    assert [("Tokyo", 1.0)] == [(passage.id, passage.score) for passage in tokyo.retrieved.passages]


def test_a_template_has_its_own_place_for_passages(asking: Asking, write: Write, run: Run) -> None:
    """`{passages}` is replaced, and nothing is added in front."""
    documents = write("docs.jsonl", PASSAGES)
    pipeline = asking(
        use="template",
        prompt="{instruction}\nKnown: {passages}",
        response_key="\n",
        retrieve={"from": documents, "k": 1, "by": BY},
    )

    tokyo, _ = samples(run(pipeline))

    assert "What is Tokyo known for?\nKnown: [1] Tokyo has a famous tower.\n" == text_of(tokyo)


def test_examples_are_train_records_the_most_similar_one_last(asking: Asking, run: Run, write: Write) -> None:
    """With their answers, before the question."""
    train = write("similar.jsonl", [
        {"instruction": "Where is Oslo on a map?", "context": "a", "response": "north"},
        {"instruction": "What is Lima known for?", "context": "b", "response": "food"},
    ])  # fmt: skip

    tokyo, _ = samples(run(asking(train=train, examples={"k": 2, "by": BY})))

    first = ["Where is Oslo on a map?", "a", "north"]
    second = ["What is Lima known for?", "b", "food"]
    assert "\n\n".join([*first, *second, "What is Tokyo known for?", "about Tokyo"]) == text_of(tokyo)
    assert tokyo.retrieved is not None
    assert [(0, 1.0), (1, 4.0)] == [(example.place, example.score) for example in tokyo.retrieved.examples]


def test_fixed_examples_are_the_same_for_all_records(asking: Asking, run: Run) -> None:
    """Another seed draws others."""
    first, other = (
        [[each.place for each in sample.retrieved.examples] for sample in samples(run(asking(examples=examples))) if sample.retrieved]
        for examples in (2, {"k": 2, "seed": 5})
    )  # fmt: skip

    assert first[0] == first[1]
    assert 2 == len(set(first[0]))
    assert first != other


def test_a_chat_has_examples_as_earlier_turns(asking: Asking, run: Run) -> None:
    """After the system message."""
    pipeline = asking(use="chat", system="Be short.", examples=1)

    tokyo, _ = samples(run(pipeline))

    assert ["system", "user", "assistant", "user"] == [message["role"] for message in tokyo.prompt.messages]  # type: ignore[union-attr]


def test_nothing_of_the_test_split_is_retrieved(asking: Asking, write: Write, run: Run) -> None:
    """Neither a train record nor a document that is almost a test record, with or without its answer."""
    question = "Explain in one sentence why the old harbour of the city was moved to the north in the year 1850."
    answer = "The old harbour had filled with sand, so ships could no longer reach it at low tide."
    test = write("harbour.jsonl", [{"instruction": question, "context": "", "response": answer}])
    train = write("almost.jsonl", [
        {"instruction": question.replace("1850", "1851"), "context": "", "response": "leaked"},
        {"instruction": "Explain why the sea is salt.", "context": "", "response": "Rivers bring it."},
    ])  # fmt: skip
    leaks = [question, answer, f"{question.upper()}\n{answer}", f"{answer[:-1]}!"]
    documents = write(
        "docs.jsonl", [{"text": text} for text in [*leaks, "The harbour in the north was built in 1850."]]
    )

    (sample,) = samples(
        run(
            asking(
                train=train,
                test=test,
                examples={"k": 1, "by": BY},
                retrieve={"from": documents, "k": 1, "by": BY},
            )
        )
    )

    assert sample.retrieved is not None
    assert ["The harbour in the north was built in 1850."] == [each.text for each in sample.retrieved.passages]
    assert ["Rivers bring it."] == [each.record["response"] for each in sample.retrieved.examples]


def test_more_than_there_are_is_refused(asking: Asking, write: Write, run: Run) -> None:
    """With the number that are left, before anything is asked."""
    documents = write("docs.jsonl", PASSAGES)

    assert (
        f"prompt 'with' on dataset 'cities': k is 7, and {documents!r} has 6 documents: lower k, or add documents"
        == error(run(asking(retrieve={"from": documents, "k": 7, "by": BY})))
    )
    assert "k is 5, and the train split has 4 records to take examples from: lower k" in error(run(asking(examples=5)))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "is empty; write a line for each document"),
        ([{"body": "x"}], "record 1 of 'docs.jsonl' has no field 'text', which a document needs; its fields: body"),
        (
            [{"text": "a"}, {"text": " "}],
            "the field 'text' of record 2 of 'docs.jsonl' must be a text that is not empty",
        ),
    ],
)
def test_documents_that_cannot_be_used_are_named(
    rows: list[dict[str, Any]], problem: str, asking: Asking, write: Write, run: Run
) -> None:
    """With the file and the row."""
    assert problem in error(run(asking(retrieve={"from": write("docs.jsonl", rows), "k": 1, "by": BY})))


def test_a_missing_query_field_is_named(asking: Asking, write: Write, run: Run) -> None:
    """With the record."""
    retrieve = {"from": write("docs.jsonl", PASSAGES), "by": BY, "query": "topic"}

    assert "test record 0 has no field 'topic', and `query` names it" in error(run(asking(retrieve=retrieve)))


def test_a_field_that_retrieval_writes_is_refused(asking: Asking, write: Write, run: Run) -> None:
    """Before it is overwritten; examples need only one of the two names."""
    test = write("own.jsonl", [{"instruction": "Where?", "context": "", "response": "a", "passages": "own"}])
    retrieve = {"from": write("docs.jsonl", PASSAGES), "k": 1, "by": BY}

    assert "test record 0 has the field 'passages', which retrieval writes: rename it" in error(
        run(asking(test=test, retrieve=retrieve))
    )
    (sample,) = samples(run(asking(test=test, examples=1)))
    assert "own" == sample.record["passages"]


def test_an_example_without_an_answer_is_named(asking: Asking, write: Write, run: Run) -> None:
    """With the record whose prompt it is in."""
    train = write("open.jsonl", [{"instruction": "Where?", "context": "here"}])

    problem = error(run(asking(train=train, examples=1)))

    assert (
        "the example in test record 0 of dataset 'cities' (prompt 'with'): train record 0 has no field 'response'"
        in problem
    )


def test_only_the_arm_whose_texts_changed_is_asked_again(
    asking: Asking, write: Write, run: Run, asked: list[str]
) -> None:
    """Answers are reused where the prompts are the same, whatever the documents' scores and places are."""

    def both(documents: str) -> Pipeline:
        retrieve = {"from": documents, "k": 1, "by": BY}
        return asking(retrieve=retrieve).with_prompt("plain")

    run(both(write("docs.jsonl", PASSAGES)))
    assert 4 == len(asked)
    run(both(write("docs.jsonl", [{"text": "Nobody asked."}, *PASSAGES])))
    assert 4 == len(asked)
    changed = [{**row, "text": row["text"].replace("tower", "bridge")} for row in PASSAGES]
    run(both(write("docs.jsonl", changed)))
    assert 6 == len(asked)
    assert all("bridge" in prompt for prompt in asked[4:])


def test_a_model_is_trained_with_what_its_prompt_retrieves(asking: Asking, write: Write, run: Run) -> None:
    """Each train record has passages and examples too, and never itself."""
    documents = write("docs.jsonl", PASSAGES)
    pipeline = asking(examples={"k": 1, "by": BY}, retrieve={"from": documents, "k": 1, "by": BY})

    result = run(pipeline.with_model("echo", name="tuned"))

    record = result.run.record("prepare.cities")
    assert isinstance(record, Succeeded)
    with result.run.artifact_folder(record.artifacts["data.with"]) as folder:
        lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert 4 == len(lines)
    assert all(f'"place": {place}, ' not in line for place, line in enumerate(lines))
    assert isinstance(result.run.record("train.tuned.with.cities"), Succeeded)


def test_nothing_is_added_to_the_records_of_retention(asking: Asking, write: Write, run: Run, asked: list[str]) -> None:
    """They are about something else, and have no train split; a place for passages is empty there."""
    general = write("general.jsonl", [{"instruction": "Name a colour.", "response": "Blue"}])
    retrieve = {"from": write("docs.jsonl", PASSAGES), "k": 1, "by": BY}
    pipeline = asking(
        use="template", prompt="{passages}|{instruction}", response_key="\n", examples=1, retrieve=retrieve
    )

    run(pipeline.with_model("echo", name="tuned").with_retention("jsonl", path=general, name="general"))

    assert {"|Name a colour.\n"} == {prompt for prompt in asked if "colour" in prompt}
    assert all("tower" in prompt for prompt in asked if "colour" not in prompt)


def test_a_train_record_with_the_same_input_is_no_example_in_training(asking: Asking, write: Write, run: Run) -> None:
    """Its answer would be in the prompt that it is the answer to; another one takes its place."""
    rows = [("Where is Oslo?", "north"), ("where is OSLO", "in the north"), ("Where is Lima?", "west")]
    train = write("twice.jsonl", [{"instruction": text, "context": "", "response": answer} for text, answer in rows])

    result = run(asking(train=train, examples={"k": 1, "by": BY}).with_model("echo", name="tuned"))

    record = result.run.record("prepare.cities")
    assert isinstance(record, Succeeded)
    with result.run.artifact_folder(record.artifacts["data.with"]) as folder:
        lines = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    examples = [[each["place"] for each in line["llmops_retrieved"]["examples"]] for line in lines]
    assert [[2], [2]] == examples[:2]
    assert examples[2][0] in {0, 1}


def test_passages_are_cut_and_marked(asking: Asking, write: Write, run: Run) -> None:
    """With the number of all their words."""
    documents = write("docs.jsonl", PASSAGES)

    result = run(asking(retrieve={"from": documents, "k": 1, "by": BY, "words": 3}))
    tokyo, _ = samples(result)

    assert tokyo.retrieved is not None
    assert [("Tokyo has a", 5)] == [(each.text, each.of_words) for each in tokyo.retrieved.passages]
    (board,) = result.leaderboards
    (cell,) = board.cells
    assert (
        "1 for each record on average, of 6 documents; 6 of the documents are cut at 3 words"
        == cell.endpoint["passages"]
    )
    assert "at most" in cell.endpoint["prompt tokens"]
