"""The exact texts that a model is trained on and asked."""

from __future__ import annotations

import json

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
    """The heading of an empty context stays, as in the article."""
    prompt = render(Alpaca(Options()).template(), NO_CONTEXT)
    assert isinstance(prompt, TextPrompt)
    assert prompt.text.endswith("### Instruction:\nName a colour.\n\n### Input:\n\n\n\n\n### Response:\n")


def test_plain() -> None:
    """The instruction and the context, each followed by a blank line, and nothing added."""
    expected = TextPrompt("Summarize {this}.\n\nRain fell.\nThen it stopped.\n\n", "It rained.")
    assert expected == render(Plain(Options()).template(), RECORD)


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
