"""Rendering of records through prompt templates: one function for training and for asking. Also checks templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs

from llmops_sdk.data.function_prompts import ROLES, make_prompt
from llmops_sdk.data.retrieval.prompts import add_examples, add_passages, passages_text
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import (
    ChatPrompt,
    ChatTemplate,
    FunctionTemplate,
    Message,
    Prompt,
    PromptTemplate,
    TextPrompt,
    TextTemplate,
)
from llmops_sdk.values.retrieval import PASSAGES, RETRIEVED_FIELD

REFERENCE, CONTEXT = "response", "context"

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_LAST_FIELD = re.compile(r"(?P<before>.*?)\n+\{(?P<field>[^{}]+)\}", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:[ -]+\w+)*")


def render(template: PromptTemplate, record: Record, where: str = "") -> Prompt:
    """Render a record through a template, for training and for asking alike.

    Placeholders are filled with the record's text as it is. It is never formatted again: braces in a record are safe.
    Numbers and booleans are written as in JSON. What was retrieved for the record is part of its prompt: passages where the
    template has `{passages}`, or else in front of what is asked, and examples before that.

    Args:
        template: A template that `check_template` accepts.
        record: Must have every field of `template_fields(template)`.
        where: The record's name in an error message (`test record 3 of dataset 'dolly'`); by default its first words.

    Returns:
        What is asked, and the completion to be learned from it.

    Raises:
        DataError: The template has a placeholder that is not a plain field name, or the record lacks a field of it.

    >>> render(TextTemplate(prompt="Q: {question}", response_key=" A:", completion=" {response}"),
    ...        {"question": "what is {x}?", "response": "a place"})
    TextPrompt(text='Q: what is {x}? A:', completion=' a place')
    """
    return _render(template, record, where, with_completion=True)


def prompt_only(template: PromptTemplate, record: Record, where: str = "") -> Prompt:
    """Render the prompt only, for a record without a reference answer; the completion is empty.

    The text or messages are those of `render`.

    Raises:
        DataError: As in `render`.
    """
    return _render(template, record, where, with_completion=False)


def template_fields(template: PromptTemplate, *, completion: bool = True) -> tuple[str, ...]:
    """Return the record fields that a template needs, each once, in the order of their first placeholder.

    Args:
        template: The template.
        completion: Whether to include the fields of the completion, which asking does not need.

    Raises:
        DataError: The template has a placeholder that is not a plain field name.
    """
    texts = [text for _, text in _asked(template)]
    if completion:
        texts.append(template.completion)
    return tuple(dict.fromkeys(field for text in texts for field in _fields(_parse(text))))


def check_template(template: PromptTemplate, name: str) -> None:
    """Check a template as far as possible without a record.

    Args:
        template: The template.
        name: Its name in error messages (`'alpaca'`, a file's name).

    Raises:
        DataError: A placeholder is not a plain field name, a brace is alone, a prompt or completion has no placeholder,
            the prompt contains the reference answer, a stop string is empty, or a chat message has wrong keys or a
            wrong role. The message names the template and the position.
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
        if part == "completion" and not isinstance(template, FunctionTemplate):
            _check_completion(fields, asked, name)
        asked.update(dict.fromkeys(fields))
    if any(not stop for stop in template.stop):
        message = f"the prompt template {name!r} has an empty stop string, which would end every answer immediately"
        raise DataError(message)


def _check_messages(template: ChatTemplate, name: str) -> None:
    for place, chat_message in enumerate(template.messages, start=1):
        if set(chat_message) != {"role", "content"}:
            keys = ", ".join(sorted(chat_message)) or "none"
            message = f"message {place} of the prompt template {name!r} must have role and content; it has: {keys}"
            raise DataError(message)
        if chat_message["role"] not in ROLES:
            message = (
                f"message {place} of the prompt template {name!r} has the role {chat_message['role']!r};"
                f" known: {', '.join(ROLES)}"
            )
            raise DataError(message)
    if not template.messages or template.messages[-1]["role"] != "user":
        message = f"the prompt template {name!r} must end with a message of role 'user', which the model answers"
        raise DataError(message)


def _check_completion(fields: tuple[str, ...], asked: dict[str, None], name: str) -> None:
    if not asked:
        message = (
            f"the prompt template {name!r} has no {{field}} placeholder, so every record would get the same prompt"
        )
        raise DataError(message)
    if not fields:
        message = (
            f"the completion of the prompt template {name!r} has no {{field}} placeholder; usual is '{{response}}'"
        )
        raise DataError(message)
    if REFERENCE in fields and REFERENCE in asked:
        message = f"the prompt template {name!r} contains {{{REFERENCE}}}, which is the reference answer; remove it"
        raise DataError(message)


def _is_empty(record: Record, field: str) -> bool:
    text: Any = record.get(field)
    return isinstance(text, str) and not text.strip()


def _asked(template: PromptTemplate) -> tuple[tuple[str, str], ...]:
    """Return the parts of the prompt: their names in error messages, and their text; none of a function."""
    if isinstance(template, FunctionTemplate):
        return ()
    if isinstance(template, TextTemplate):
        parts = ("prompt", template.prompt), ("response_key", template.response_key)
        return (*parts, ("without_context", template.without_context)) if template.without_context else parts
    return tuple((f"message {place}", message["content"]) for place, message in enumerate(template.messages, start=1))


def _asked_of(template: TextTemplate, record: Record) -> tuple[str, str]:
    """Return the texts that make the prompt of one record."""
    prompt = template.without_context if _is_empty(record, CONTEXT) else ""
    return prompt or template.prompt, template.response_key


def _render(template: PromptTemplate, record: Record, where: str, *, with_completion: bool) -> Prompt:
    retrieved = record.get(RETRIEVED_FIELD)
    if retrieved is None:
        prompt = _asked_prompt(template, record, where)
    else:
        passages = passages_text(retrieved["passages"])
        prompt = add_passages(_asked_prompt(template, {PASSAGES: passages, **record}, where), passages)
        examples = [_example(template, each, where) for each in retrieved["examples"]]
        prompt = add_examples(prompt, examples)
    if not with_completion:
        return prompt
    return attrs.evolve(prompt, completion=_fill(template.completion, template, record, where))


def _asked_prompt(template: PromptTemplate, record: Record, where: str) -> Prompt:
    if isinstance(template, FunctionTemplate):
        return make_prompt(template, record, where or _first_words(record))
    if isinstance(template, TextTemplate):
        return TextPrompt("".join(_fill(part, template, record, where) for part in _asked_of(template, record)))
    return ChatPrompt(_messages(template, record, where))


def _example(template: PromptTemplate, example: Mapping[str, Any], where: str) -> Prompt:
    """Render a train record that is an example in another record's prompt; it has no passages of its own."""
    name = f"the example in {where}: train record {example['place']}" if where else ""
    return _render(template, {PASSAGES: "", **example["record"]}, name, with_completion=True)


def _messages(template: ChatTemplate, record: Record, where: str) -> tuple[Message, ...]:
    if template.conversation and record.get("messages"):
        return _conversation(template, record, where)
    contents = [message["content"] for message in template.messages]
    if template.conversation:
        contents = [_without_empty_end(content, record) for content in contents]
    return tuple(
        {"role": message["role"], "content": _fill(content, template, record, where)}
        for message, content in zip(template.messages, contents, strict=True)
    )


def _conversation(template: ChatTemplate, record: Record, where: str) -> tuple[Message, ...]:
    """Return the turns of a record that is a conversation; an evaluator may have changed its last one."""
    *earlier, last = record["messages"]
    system = [message for message in template.messages if message["role"] == "system"]
    if earlier and earlier[0]["role"] == "system":
        system = []
    texts = [{**message, "content": _fill(message["content"], template, record, where)} for message in system]
    return (*texts, *earlier, {**last, "content": record.get("instruction", last["content"])})


def _without_empty_end(text: str, record: Record) -> str:
    """Return a text without its last field, and the line breaks before it, if that is empty in a record."""
    matched = _LAST_FIELD.fullmatch(text)
    return matched["before"] if matched and _is_empty(record, matched["field"]) else text


def _fill(text: str, template: PromptTemplate, record: Record, where: str) -> str:
    pieces = list(_parse(text))
    for place in range(1, len(pieces), 2):
        value = record.get(pieces[place])
        pieces[place] = value if isinstance(value, str) else _text_of(pieces[place], template, record, where)
    return "".join(pieces)


def _text_of(field: str, template: PromptTemplate, record: Record, where: str) -> str:
    """Return a field that is not text as text."""
    value: Any = record.get(field)
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    name = where or _first_words(record)
    prompt = f"prompt {_title(template)}"
    if field not in record:
        message = f"{name} has no field {field!r}, which the {prompt} needs; available: {', '.join(sorted(record))}"
    else:
        kind = "null" if value is None else f"a {type(value).__name__}"
        message = f"the {prompt} needs the field {field!r} as text; in {name} it is {kind}"
    raise DataError(message)


def _title(template: PromptTemplate) -> str:
    if isinstance(template, FunctionTemplate):
        return repr(template.function.reference)
    return f"template {_asked(template)[0][1][:40]!r}"


def _first_words(record: Record) -> str:
    text = str(record.get("instruction") or next(iter(record.values()), ""))
    return f"the record {text[:40]!r}"


def _fields(pieces: tuple[str, ...]) -> tuple[str, ...]:
    return pieces[1::2]


# One entry for each distinct text of the templates in use: rendering many records parses each text once.
@lru_cache(maxsize=256)
def _parse(text: str) -> tuple[str, ...]:
    """Split a text into pieces: literal, field, literal, field, ..., literal."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    literal, end = "", 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        matched = token.group()
        if matched in ("{{", "}}"):
            literal += matched[0]
        elif matched in ("{", "}"):
            near = text[max(0, token.start() - 10) : end + 10]
            message = f"a lone {matched!r} near {near!r}; write {matched * 2!r} for a literal brace"
            raise DataError(message)
        elif not _PLAIN_NAME.fullmatch(matched[1:-1]):
            message = f"{matched!r} is not a plain field name; write '{{{{' and '}}}}' for literal braces"
            raise DataError(message)
        else:
            yield literal
            yield matched[1:-1]
            literal = ""
    yield literal + text[end:]
