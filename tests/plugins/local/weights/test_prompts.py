from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers")

from llmops_plugins.local.weights.loading import load_tokenizer
from llmops_plugins.local.weights.prompts import ChatTemplateError, prompt_tokens

CHAT = [{"role": "user", "content": "after number 7"}]


def test_a_text_goes_to_the_model_as_it_is(tiny_model: Path) -> None:
    """No template, nothing cut."""
    tokenizer = load_tokenizer(tiny_model)
    text = "after number 7 " * 400
    assert tokenizer(text)["input_ids"] == prompt_tokens(tokenizer, text)


def test_messages_end_where_the_assistant_starts(tiny_model: Path) -> None:
    """By the model's own template."""
    tokenizer = load_tokenizer(tiny_model)
    assert "<|im_start|>user\nafter number 7<|im_end|>\n<|im_start|>assistant\n" == tokenizer.decode(
        prompt_tokens(tokenizer, CHAT)
    )


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (None, "the model has no chat template: use a text prompt"),
        ("{{ raise_exception('roles must alternate') }}", "the model's chat template refuses the messages: roles must"),
        ("{{ messages[0]['content'].__class__.__mro__ }}", "the model's chat template refuses the messages: .*unsafe"),
    ],
    ids=["none", "refuses", "unsafe"],
)
def test_messages_that_a_model_cannot_be_asked_are_an_error(
    tiny_model: Path, template: str | None, reason: str
) -> None:
    """A template runs in a sandbox."""
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = template
    with pytest.raises(ChatTemplateError, match=reason):
        prompt_tokens(tokenizer, CHAT)
