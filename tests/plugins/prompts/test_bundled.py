"""The exact texts that a model is trained on and asked."""

from __future__ import annotations

import json

import pytest

from llmops_plugins.prompts.bundled import Alpaca, Chat, Plain
from llmops_plugins.prompts.options import ChatOptions
from llmops_sdk.plugin import ChatPrompt, Options, TextPrompt, render

RECORD = {"instruction": "Summarize {this}.", "context": "Rain fell.\nThen it stopped.", "response": "It rained."}
NO_CONTEXT = {"instruction": "Name a colour.", "context": "", "response": "Blue."}

# Two line breaks end the article's prompt, and the key that JumpStart puts before the response starts with two.
ALPACA_ASKED = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a"
    " response that appropriately completes the request.\n\n### Instruction:\nSummarize {this}.\n\n### Input:\n"
    "Rain fell.\nThen it stopped.\n\n\n\n### Response:\n"
)


def test_alpaca_is_the_prompt_of_the_article() -> None:
    """The prompt is the article's with JumpStart's key; the completion starts with a space."""
    assert TextPrompt(ALPACA_ASKED, " It rained.") == render(Alpaca(Options()).template(), RECORD)


def test_alpaca_is_the_text_that_the_articles_code_makes() -> None:
    """The article's template, formatted with `str.format` and with JumpStart's key appended, is the same text."""
    template_json = json.loads(
        r'{"prompt": "Below is an instruction that describes a task, paired with an input that provides further '
        r"context. Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n"
        r'### Input:\n{context}\n\n", "completion": " {response}"}'
    )
    asked = template_json["prompt"].format(**RECORD) + "\n\n### Response:\n"
    completion = template_json["completion"].format(**RECORD)
    assert TextPrompt(asked, completion) == render(Alpaca(Options()).template(), RECORD)


def test_alpaca_stops_before_the_next_exercise_only() -> None:
    """An answer that starts with a second response heading is not cut to nothing."""
    assert ("### Instruction:",) == Alpaca(Options()).template().stop


def test_alpaca_without_a_context() -> None:
    """It is Alpaca's own form without an input: no heading for what is not there, and a sentence that fits."""
    asked = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nName a colour.\n\n### Response:\n"
    )
    assert TextPrompt(asked, " Blue.") == render(Alpaca(Options()).template(), NO_CONTEXT)


def test_plain() -> None:
    """The instruction, a blank line and the context, and nothing after them; the answer is learned after a blank line."""
    expected = TextPrompt("Summarize {this}.\n\nRain fell.\nThen it stopped.", "\n\nIt rained.")
    assert expected == render(Plain(Options()).template(), RECORD)


@pytest.mark.parametrize("context", ["", " \n"])
def test_nothing_is_appended_to_a_question_without_a_context(context: str) -> None:
    """Neither as a text nor as a message; a context of white space is none."""
    record = {**NO_CONTEXT, "context": context}
    assert TextPrompt("Name a colour.", "\n\nBlue.") == render(Plain(Options()).template(), record)
    user = {"role": "user", "content": "Name a colour."}
    assert ChatPrompt((user,), "Blue.") == render(Chat(ChatOptions()).template(), record)


def test_chat() -> None:
    """One user message, and the reference as the assistant's answer."""
    user = {"role": "user", "content": "Summarize {this}.\n\nRain fell.\nThen it stopped."}
    assert ChatPrompt((user,), "It rained.") == render(Chat(ChatOptions()).template(), RECORD)


def test_chat_with_a_system_message() -> None:
    """The system message comes first; it may have fields of its own."""
    template = Chat(ChatOptions(system="Answer like {{this}}: {tone}.")).template()
    prompt = render(template, {**RECORD, "tone": "dry"})
    assert isinstance(prompt, ChatPrompt)
    assert {"role": "system", "content": "Answer like {this}: dry."} == prompt.messages[0]
    assert ["system", "user"] == [message["role"] for message in prompt.messages]
