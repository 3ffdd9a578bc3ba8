"""A prompt as tokens: the same in training and when the model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Messages = Sequence[Mapping[str, str]]
"""A chat: each message has a `role` and a `content`."""


class ChatTemplateError(ValueError):
    """Messages that a model cannot be asked; the text has the reason."""


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, prompt: str | Messages) -> list[int]:
    """Return the tokens of a prompt: plain text as the tokenizer does it, messages through the model's chat template.

    transformers runs chat templates in a sandbox.

    Raises:
        ChatTemplateError: The model has no chat template, or its template refuses these messages.
    """
    if isinstance(prompt, str):
        of_text: list[int] = tokenizer(prompt, truncation=False, verbose=False)["input_ids"]
        return of_text
    if not tokenizer.chat_template:
        message = "the model has no chat template: use a text prompt instead of messages"
        raise ChatTemplateError(message)
    from jinja2 import TemplateError

    try:
        of_messages: list[int] = tokenizer.apply_chat_template(
            [dict(one) for one in prompt], add_generation_prompt=True, tokenize=True, return_dict=False
        )
    except TemplateError as exc:
        message = f"the model's chat template refuses the messages: {exc}"
        raise ChatTemplateError(message) from exc
    return of_messages
