"""Reasoning in a model's text, kept apart from its answer: what a model thinks is not what it says."""

from __future__ import annotations

import re
from typing import NamedTuple

import attrs

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.endings import STOP
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.prompts import ChatPrompt, Prompt

CUT = "the answer was cut off at max_new_tokens while the model was reasoning: raise max_new_tokens"
STOPPED = "the model stopped while it was reasoning, without an answer"

CUT_WHILE_REASONING = frozenset({CUT, STOPPED})
"""The errors of questions that were not answered because the model was still reasoning."""

# What the chat templates of DeepSeek, Qwen, Magistral, Seed and Kimi open and close; <thinking> is common in prompts.
_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "[THINK]": "[/THINK]",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
}
_OPENED = re.compile("|".join(map(re.escape, _TAGS)))
_CLOSED = re.compile("|".join(map(re.escape, _TAGS.values())))


class SplitText(NamedTuple):
    """A text, split into the answer and the reasoning before it.

    Attributes:
        answer: What follows the reasoning, without the blank lines between; empty where the reasoning has no end.
        reasoning: What stands between the tags, or before the closing one.
        is_cut: Whether the reasoning has no end.
    """

    answer: str
    reasoning: str
    is_cut: bool


def split_reasoning(text: str, *, opened: bool = False) -> SplitText:
    r"""Split the reasoning off the start of a text; a text without any is the answer.

    A tag that is only closed was opened by the model's chat template: all before it is reasoning. Tags in the middle of an
    answer are a part of it.

    >>> split_reasoning("<think>\nFrance?\n</think>\n\nParis")
    SplitText(answer='Paris', reasoning='France?', is_cut=False)
    >>> split_reasoning("France?</think>Paris").answer
    'Paris'
    >>> split_reasoning("<think>France, which").is_cut
    True

    Args:
        text: What the model wrote.
        opened: Whether the prompt ends with the opening tag, so that a text without a closing one is all reasoning.
    """
    thoughts: list[str] = []
    rest = text
    while match := _OPENED.match(rest.lstrip()):
        thought, closed, after = rest.lstrip()[match.end() :].partition(_TAGS[match[0]])
        thoughts.append(thought.strip())
        if not closed:
            return SplitText("", _joined(thoughts), is_cut=True)
        rest = after.lstrip()
    if thoughts:
        return SplitText(rest, _joined(thoughts), is_cut=False)
    closing = _CLOSED.search(text)
    if closing is not None and not _OPENED.search(text, 0, closing.start()):
        return SplitText(text[closing.end() :].lstrip(), text[: closing.start()].strip(), is_cut=False)
    if opened and closing is None:
        return SplitText("", text.strip(), is_cut=True)
    return SplitText(text, "", is_cut=False)


def without_reasoning(answer: Answer, prompt: Prompt, *, opened: bool = False) -> Answer:
    """Return an answer whose output has no reasoning in it.

    One that came with scores stays an answer, wherever its text ends: it was judged as it is.

    Args:
        answer: As an endpoint, a file or a stream gave it.
        prompt: What was asked; it may end with the opening tag.
        opened: Whether the model's chat template ends with the opening tag.

    Raises:
        RequestError: The model was still reasoning when the text ended: there is no answer. Not retryable.
    """
    if answer.log_probability is not None:
        return answer
    split = split_reasoning(answer.output, opened=not answer.reasoning and (opened or _opens(prompt)))
    if split.is_cut and answer.scores:
        return answer
    if split.is_cut:
        raise RequestError(STOPPED if answer.finish_reason == STOP else CUT, retryable=False)
    if not split.reasoning and split.answer == answer.output:
        return answer
    return attrs.evolve(answer, output=split.answer, reasoning=_joined([answer.reasoning, split.reasoning]))


def _opens(prompt: Prompt) -> bool:
    text = prompt.messages[-1].get("content", "") if isinstance(prompt, ChatPrompt) else prompt.text
    is_prefix = not isinstance(prompt, ChatPrompt) or prompt.messages[-1].get("role") == "assistant"
    return is_prefix and isinstance(text, str) and text.rstrip().endswith(tuple(_TAGS))


def _joined(thoughts: list[str]) -> str:
    return "\n\n".join(thought for thought in thoughts if thought)
