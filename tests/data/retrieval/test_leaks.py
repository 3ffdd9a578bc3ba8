"""What must not be retrieved: test records, and what is almost one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk.data.retrieval.documents import Document
from llmops_sdk.data.retrieval.leaks import copied_documents, copied_records
from llmops_sdk.values.data import Record, Split

QUESTION = "When did the bridge over the river in the old town open for carriages?"
CONTEXT = (
    "The bridge over the river was begun in 1790, when the ferry could no longer carry all the grain to the market. It "
    "opened eight years later, with a toll that paid for the towers at both of its ends until the war."
)
ANSWER = "It opened for carriages in 1798, eight years after the first stone was laid on the western bank."
RECORD = {"instruction": QUESTION, "context": CONTEXT, "response": ANSWER}


@pytest.fixture(name="test")
def _test(tmp_path: Path) -> Split:
    """A test split of one record."""
    return split(tmp_path / "test.jsonl", RECORD)


def split(path: Path, *records: Record) -> Split:
    """Write a split."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return Split(path, len(records), "")


def test_train_records_with_almost_the_input_of_a_test_record_are_found(test: Split) -> None:
    """Whatever their answer is."""
    train = [
        RECORD,
        {**RECORD, "instruction": QUESTION.upper(), "response": ""},
        {**RECORD, "context": "", "instruction": "Why?"},
    ]

    assert {0, 1} == copied_records(train, test)


@pytest.mark.parametrize(
    "text",
    [ANSWER, ANSWER.upper(), f"{QUESTION}\n{ANSWER}", f"{QUESTION} {CONTEXT} {ANSWER}"],
)
def test_documents_with_the_answer_of_a_test_record_are_found(text: str, test: Split) -> None:
    """Alone, after the question, or after all."""
    assert {1} == copied_documents([Document("1", "The bridge has towers."), Document("2", text)], test)


def test_the_source_of_a_test_record_may_be_retrieved(test: Split) -> None:
    """Retrieval is meant to find it."""
    assert frozenset() == copied_documents(
        [Document("1", CONTEXT), Document("2", f"{CONTEXT} A second paragraph.")], test
    )


COPIES = {
    "capitals": str.upper,
    "punctuation": lambda text: text.replace("?", "").replace(",", ";").replace(".", " !"),
    "spaces": lambda text: f"  {text} ".replace(" ", "\n "),
    "another word": lambda text: text.replace("When", "where").replace("7:00", "7:30"),
}
SHORT = {"instruction": "When is it that the pool opens?", "context": "", "response": "The pool opens at 7:00."}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_short_record_is_found(copy: Callable[[str], str], tmp_path: Path) -> None:
    """As a train record, whatever its answer is, and as a document: the question, the answer, and both."""
    test = split(tmp_path / "test.jsonl", SHORT)
    question, answer = copy(SHORT["instruction"]), copy(SHORT["response"])
    texts = [question, answer, f"{question} {answer}", f"Question: {question}\nAnswer: {answer}"]
    documents = [Document(str(place), text) for place, text in enumerate([*texts, "The pool is closed in August."])]

    assert {0, 1} == copied_records(
        [
            {**SHORT, "instruction": question, "response": "x"},
            {**SHORT, "instruction": question, "response": answer},
            RECORD,
        ],
        test,
    )
    assert copied_documents(documents, test) in ({0, 1, 2}, {0, 1, 2, 3})
    assert {0} == copied_documents([Document("1", answer, title=question)], test)


def test_a_document_that_quotes_a_test_record_is_found(test: Split) -> None:
    """Among other text, and after its context."""
    page = f"Questions of our visitors. Where is the bridge? In the old town. {QUESTION} {ANSWER} Who paid for it? The town."
    dump = f"### Instruction: {QUESTION}\n### Input: {CONTEXT} {CONTEXT}\n### Response: {ANSWER}"

    assert {0, 1} == copied_documents([Document("1", page), Document("2", dump), Document("3", CONTEXT)], test)


def test_the_question_of_a_record_without_a_context_is_found(tmp_path: Path) -> None:
    """Also where the record has no answer."""
    test = split(tmp_path / "test.jsonl", {"instruction": QUESTION})

    assert {0} == copied_documents([Document("1", QUESTION)], test)


def test_all_references_count(tmp_path: Path) -> None:
    """Not only the first one."""
    test = split(tmp_path / "test.jsonl", {"instruction": QUESTION, "response": "1798", "references": ["1798", ANSWER]})

    assert {0} == copied_documents([Document("1", ANSWER)], test)
