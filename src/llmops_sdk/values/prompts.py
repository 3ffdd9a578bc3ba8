"""Prompt templates, and the prompts that they render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

import attrs

from llmops_sdk.values.functions import Function

Message = Mapping[str, str]
"""One chat message: `role` and `content`."""


@attrs.frozen
class TextTemplate:
    """A prompt template for models that complete text.

    A record is asked as `prompt + response_key` and trained as `prompt + response_key + completion`.

    Attributes:
        prompt: Text with `{field}` placeholders; only names of record fields are allowed in them.
        response_key: The text between the prompt and the model's answer.
        completion: The reference answer as the model should learn it.
        stop: Strings at which generation ends; they are cut from the output.
        without_context: The prompt of records whose `context` is empty; by default it is `prompt` too.
    """

    prompt: str
    response_key: str = ""
    completion: str = "{response}"
    stop: tuple[str, ...] = ()
    without_context: str = ""


@attrs.frozen
class ChatTemplate:
    """A prompt template for chat models; the model's own chat template puts the messages into text.

    Attributes:
        messages: `role` and `content`, the content with `{field}` placeholders.
        completion: The assistant's reference answer.
        stop: Strings at which generation ends; they are cut from the output.
        conversation: Whether a record's own `messages` are asked instead, where it has some: after the system message of
            the template, unless they start with one, and with the record's `instruction` as the last turn. Of a record
            without them, an empty field at the end of a message is left out with the line breaks before it.
    """

    messages: tuple[Mapping[str, str], ...]
    completion: str = "{response}"
    stop: tuple[str, ...] = ()
    conversation: bool = False


@attrs.frozen
class FunctionTemplate:
    """A function of the user's own file that makes the prompt of a record: a text, or a list of chat messages.

    Attributes:
        function: The function.
        options: The values of its keyword-only parameters.
        response_key: The text between a text and the model's answer.
        completion: The reference answer as the model should learn it.
        stop: Strings at which generation ends; they are cut from the output.
    """

    function: Function
    options: Mapping[str, Any] = attrs.field(factory=dict)
    response_key: str = ""
    completion: str = "{response}"
    stop: tuple[str, ...] = ()


PromptTemplate = Union[TextTemplate, ChatTemplate, FunctionTemplate]


@attrs.frozen
class TextPrompt:
    """A record rendered through a `TextTemplate`: `text` is asked, `completion` is to be learned."""

    text: str
    completion: str = ""


@attrs.frozen
class ChatPrompt:
    """A record rendered through a `ChatTemplate`."""

    messages: tuple[Mapping[str, str], ...]
    completion: str = ""


Prompt = Union[TextPrompt, ChatPrompt]
