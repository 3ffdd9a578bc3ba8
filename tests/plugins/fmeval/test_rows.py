"""The rows that FMEval reads, and generations that have none."""

from __future__ import annotations

import pytest

from llmops_plugins.fmeval.rows import Unscorable, answers_of, checked, prompt_text, rouge_note, words_note
from llmops_plugins.metrics.tasks.qa import accepted_answers
from llmops_sdk.plugin import Answer, ChatPrompt, Generation

from .conftest import generation


def test_accepted_answers_are_one_text() -> None:
    """A list is joined with the delimiter, without empty texts; anything else in it has the reason of the evaluator without FMEval."""
    assert "a<OR>b" == answers_of(generation({"response": ["a", "", " ", "b"]}), "response", "<OR>")
    assert "a<OR>b" == answers_of(generation({"response": "a<OR>b"}), "response", "<OR>")
    for answers, problem in (
        ([" ", ""], "is empty"),
        ([], "is empty"),
        (["Paris", 7], "must be text, not int"),
        ([None, "Paris"], "must be text, not NoneType"),
        (1, "must be text, not int"),
    ):
        held = generation({"response": answers})
        expected = Unscorable(f"the reference field 'response' {problem}")
        assert expected == answers_of(held, "response", "<OR>")
        assert getattr(accepted_answers(held, "response", "<OR>"), "reason", "") == expected.reason


def test_half_a_surrogate_pair_is_refused() -> None:
    """FMEval's data format is UTF-8, and one such record would end its run for all records."""
    valid = {"model_output": "😀", "sent_more_log_prob": -1.0}

    assert valid == checked(valid)
    assert Unscorable("FMEval cannot read half of a surrogate pair, which is in the target_output") == checked(
        {**valid, "target_output": "\ude00"}
    )


def test_a_chat_is_one_text() -> None:
    """It is FMEval's model input, on which none of these scores depends."""
    messages = ({"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"})

    assert "Be short.\nWhy?" == prompt_text(Generation(0, {}, ChatPrompt(messages, ""), Answer("")))


@pytest.mark.parametrize(
    ("reference", "is_read"),
    [("Rome", True), ("est\u00e1", True), ("\u4eca\u5929", False), ("\u0414\u0430 24!!", True), ("...", False)],
)
def test_a_reference_that_rouge_does_not_read_has_a_note(reference: str, is_read: bool) -> None:  # noqa: FBT001 - a table
    """FMEval's value stays, and a note has how little it rests on."""
    assert is_read == (rouge_note(reference) == "")


def test_answers_without_words_have_a_note() -> None:
    """One of several is enough."""
    assert "" == words_note("Rome<OR>Roma", "<OR>")
    assert "" != words_note("Rome<OR>the", "<OR>")
    assert "" != words_note("...", "")
