"""Prompt templates: checking them, and the one rendering of a record for training and for asking."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import ChatPrompt, ChatTemplate, Prompt, PromptTemplate, TextPrompt, TextTemplate

REFERENCE = "response"
ROLES = ("system", "user", "assistant")

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:[ -]+\w+)*")


def render(template: PromptTemplate, record: Record, where: str = "") -> Prompt:
    """Render a record through a template: the one rendering, used for training and for asking alike.

    Places are filled with the record's text as it is, which is never formatted again, so that braces in a record
    are safe. Numbers and booleans are written as in JSON.

    Args:
        template: A template that `check_template` accepts.
        record: Must have every field of `template_fields(template)`.
        where: How a message calls the record, as `values.record_name` gives it; empty names it by its first words.

    Returns:
        What is asked, and the completion to be learned from it.

    Raises:
        DataError: The template has a place that is no plain field name, or the record lacks a field of it.

    >>> render(TextTemplate(prompt="Q: {question}", response_key=" A:", completion=" {response}"),
    ...        {"question": "what is {x}?", "response": "a place"})
    TextPrompt(text='Q: what is {x}? A:', completion=' a place')
    """
    return _render(template, record, where, with_completion=True)


def prompt_only(template: PromptTemplate, record: Record, where: str = "") -> Prompt:
    """Render what is asked, for a record that has no reference answer; the completion is empty.

    The text or messages are those of `render`.

    Raises:
        DataError: As in `render`.
    """
    return _render(template, record, where, with_completion=False)


def template_fields(template: PromptTemplate, *, completion: bool = True) -> tuple[str, ...]:
    """Return the record fields a template needs, each once, in the order of their first place.

    Args:
        template: The template.
        completion: Whether to count the fields of the completion too, which asking does not need.

    Raises:
        DataError: The template has a place that is no plain field name.
    """
    texts = [text for _, text in _asked(template)]
    if completion:
        texts.append(template.completion)
    return tuple(dict.fromkeys(field for text in texts for field in _fields(_parse(text))))


def check_template(template: PromptTemplate, name: str) -> None:
    """Check all that can be known of a template without a record.

    Args:
        template: The template.
        name: How messages call it (`'alpaca'`, a file's name).

    Raises:
        DataError: Names the template and the place: one that is no plain field name, a lone brace, a prompt or a
            completion without any place, a prompt that gives the reference answer away, an empty stop string, or
            chat messages with other keys or roles than they must have.
    """
    if isinstance(template, ChatTemplate):
        _check_messages(template, name)
    asked: dict[str, None] = {}
    for part, text in (*_asked(template), ("completion", template.completion)):
        try:
            fields = _fields(_parse(text))
        except DataError as exc:
            message = f"the {part} of the prompt template {name!r}: {exc}"
            raise DataError(message) from None
        if part == "completion":
            _check_completion(fields, asked, name)
        asked.update(dict.fromkeys(fields))
    if any(not stop for stop in template.stop):
        message = f"the prompt template {name!r} has an empty stop string, which would end every answer at once"
        raise DataError(message)


def _check_messages(template: ChatTemplate, name: str) -> None:
    for place, message_of in enumerate(template.messages, start=1):
        if set(message_of) != {"role", "content"}:
            found = ", ".join(sorted(message_of)) or "none"
            message = f"message {place} of the prompt template {name!r} must have role and content; it has: {found}"
            raise DataError(message)
        if message_of["role"] not in ROLES:
            message = (
                f"message {place} of the prompt template {name!r} has the role {message_of['role']!r};"
                f" known: {', '.join(ROLES)}"
            )
            raise DataError(message)
    if not template.messages or template.messages[-1]["role"] != "user":
        message = f"the prompt template {name!r} must end with a message of the role 'user', which the model answers"
        raise DataError(message)


def _check_completion(fields: tuple[str, ...], asked: dict[str, None], name: str) -> None:
    if not asked:
        message = f"the prompt template {name!r} has no {{field}} place, so every record would be asked the same"
        raise DataError(message)
    if not fields:
        message = f"the completion of the prompt template {name!r} has no {{field}} place; usual is '{{response}}'"
        raise DataError(message)
    if REFERENCE in fields and REFERENCE in asked:
        message = f"the prompt template {name!r} asks with {{{REFERENCE}}}, which is the reference answer; remove it"
        raise DataError(message)


def _asked(template: PromptTemplate) -> tuple[tuple[str, str], ...]:
    """Return the parts that are asked: what messages call them, and their text."""
    if isinstance(template, TextTemplate):
        return ("prompt", template.prompt), ("response_key", template.response_key)
    return tuple((f"message {place}", message["content"]) for place, message in enumerate(template.messages, start=1))


def _render(template: PromptTemplate, record: Record, where: str, *, with_completion: bool) -> Prompt:
    parts = [text for _, text in _asked(template)]
    filled = [_fill(part, template, record, where) for part in parts]
    completion = _fill(template.completion, template, record, where) if with_completion else ""
    if isinstance(template, TextTemplate):
        return TextPrompt(text="".join(filled), completion=completion)
    messages = tuple(
        {"role": message["role"], "content": content}
        for message, content in zip(template.messages, filled, strict=True)
    )
    return ChatPrompt(messages=messages, completion=completion)


def _fill(text: str, template: PromptTemplate, record: Record, where: str) -> str:
    pieces = list(_parse(text))
    for place in range(1, len(pieces), 2):
        value = record.get(pieces[place])
        pieces[place] = value if isinstance(value, str) else _text_of(pieces[place], template, record, where)
    return "".join(pieces)


def _text_of(field: str, template: PromptTemplate, record: Record, where: str) -> str:
    """Return a field that is not text as text, or say why that cannot be."""
    value: Any = record.get(field)
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    who = where or _first_words(record)
    asks = f"the prompt template {_asked(template)[0][1][:40]!r} needs the field {field!r}"
    if field not in record:
        message = f"{asks}, which {who} has not; it has: {', '.join(sorted(record))}"
    else:
        message = f"{asks} as text; in {who} it is {'null' if value is None else f'a {type(value).__name__}'}"
    raise DataError(message)


def _first_words(record: Record) -> str:
    text = str(record.get("instruction") or next(iter(record.values()), ""))
    return f"the record {text[:40]!r}"


def _fields(pieces: tuple[str, ...]) -> tuple[str, ...]:
    return pieces[1::2]


# One entry for each distinct text of the templates in use; rendering many records parses each text once.
@lru_cache(maxsize=256)
def _parse(text: str) -> tuple[str, ...]:
    """Split a text into pieces: literal, field, literal, field, ..., literal."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    literal, end = "", 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        place = token.group()
        if place in ("{{", "}}"):
            literal += place[0]
        elif place in ("{", "}"):
            near = text[max(0, token.start() - 10) : end + 10]
            message = f"a lone {place!r} near {near!r}; write {place * 2!r} for a literal brace"
            raise DataError(message)
        elif not _PLAIN_NAME.fullmatch(place[1:-1]):
            message = f"{place!r} is no plain field name; write '{{{{' and '}}}}' for literal braces"
            raise DataError(message)
        else:
            yield literal
            yield place[1:-1]
            literal = ""
    yield literal + text[end:]
