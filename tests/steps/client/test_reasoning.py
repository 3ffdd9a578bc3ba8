"""Reasoning is kept apart from the answer, however a model marks it."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.reasoning import CUT, STOPPED, split_reasoning, without_reasoning
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt

TEXT = TextPrompt("Capital of France?")


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("Paris", "Paris", ""),
        ("  Paris\n", "  Paris\n", ""),
        ("<think>\nFrance?\n</think>\n\nParis", "Paris", "France?"),
        ("\n<think></think>\n\nParis", "Paris", ""),
        ("<think>a</think> <think>b</think>Paris", "Paris", "a\n\nb"),
        ("<thinking>France?</thinking>Paris", "Paris", "France?"),
        ("[THINK]France?[/THINK]Paris", "Paris", "France?"),
        ("France, which...\n</think>\n\nParis", "Paris", "France, which..."),
        ("</think>Paris", "Paris", ""),
        ("<think>a</think>", "", "a"),
        ("HTML has no <think> tag", "HTML has no <think> tag", ""),
        ("Write <think>x</think> first", "Write <think>x</think> first", ""),
    ],
)
def test_reasoning_is_split_off(text: str, answer: str, reasoning: str) -> None:
    """At the start, also if the chat template opened it; tags inside an answer stay."""
    assert (answer, reasoning, False) == split_reasoning(text)


@pytest.mark.parametrize("text", ["<think>France, which", " <think>", "<think>a</think><think>b"])
def test_reasoning_without_an_end_is_no_answer(text: str) -> None:
    """All of it is reasoning."""
    split = split_reasoning(text)
    assert ("", True) == (split.answer, split.is_cut)


def test_a_prompt_that_opens_the_reasoning_starts_in_it() -> None:
    """Without a closing tag, its text is all reasoning."""
    assert ("", "France, which", True) == split_reasoning("France, which", opened=True)
    assert ("Paris", "France", False) == split_reasoning("France</think>Paris", opened=True)


def test_an_answer_without_an_end_of_its_reasoning_is_refused() -> None:
    """Cut off, or stopped by the model; nobody asks again."""
    for reason, error in (("length", CUT), ("", CUT), ("stop", STOPPED)):
        with pytest.raises(RequestError) as failure:
            without_reasoning(Answer("<think>hm", finish_reason=reason), TEXT)
        assert (error, False) == (str(failure.value), failure.value.retryable)


def test_the_prompt_or_the_endpoint_may_open_the_reasoning() -> None:
    """A text that ends with the tag, an answer of the assistant that starts so, or the chat template."""
    started = ChatPrompt(({"role": "user", "content": "?"}, {"role": "assistant", "content": "<think>\n"}))
    for prompt, opened in ((TextPrompt("? <think>\n"), False), (started, False), (TEXT, True)):
        with pytest.raises(RequestError):
            without_reasoning(Answer("France, which"), prompt, opened=opened)
    user = ChatPrompt(({"role": "user", "content": "What is <think>"},))
    assert Answer("A tag.") == without_reasoning(Answer("A tag."), user)


def test_what_the_endpoint_keeps_apart_is_joined() -> None:
    """An answer whose reasoning came in a field of its own does not start inside the reasoning."""
    apart = Answer("Paris", reasoning="France?")
    assert apart == without_reasoning(apart, TEXT, opened=True)
    joined = without_reasoning(Answer("<think>more</think>Paris", reasoning="France?"), TEXT)
    assert Answer("Paris", reasoning="France?\n\nmore") == joined


def test_a_probability_has_no_reasoning() -> None:
    """There is no text."""
    scored = Answer(log_probability=-1.0)
    assert scored == without_reasoning(scored, TEXT, opened=True)


def test_an_answer_that_came_with_scores_stays_one() -> None:
    """Wherever its text ends: it was judged as it is. Reasoning that ends is kept apart as ever."""
    cut = Answer("<think>hm", scores={"m": 0.0})
    assert cut == without_reasoning(cut, TEXT)
    assert "Paris" == without_reasoning(Answer("<think>hm</think>Paris", scores={"m": 1.0}), TEXT).output
