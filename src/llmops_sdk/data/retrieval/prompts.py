"""How a prompt shows what was retrieved for its record: passages as one text, and examples before the question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import ChatPrompt, Message, Prompt, TextPrompt
from llmops_sdk.values.retrieval import RETRIEVED_FIELD, Retrieved
from llmops_sdk.values.serial import from_json

INTRODUCTION = "Passages that may help to answer:"
"""What stands above the passages where the template has no place of its own for them."""


def take_retrieved(record: Record) -> tuple[Record, Retrieved | None]:
    """Return a record as its dataset has it, and what was retrieved for it; None where its prompt retrieves nothing."""
    if RETRIEVED_FIELD not in record:
        return record, None
    retrieved: Retrieved = from_json(record[RETRIEVED_FIELD], Retrieved)
    return without_retrieved(record), retrieved


def without_retrieved(record: Record) -> Record:
    """Return a record as its dataset has it."""
    return {name: value for name, value in record.items() if name != RETRIEVED_FIELD}


def passages_text(passages: Iterable[Mapping[str, Any]]) -> str:
    r"""Return passages, as the JSON of `Passage`, as one text: numbered from 1, a blank line between two.

    >>> passages_text([{"title": "Rome", "text": "A city."}, {"title": "", "text": "A river."}])
    '[1] Rome\nA city.\n\n[2] A river.'
    """
    texts = (f"{each['title']}\n{each['text']}" if each["title"] else each["text"] for each in passages)
    return "\n\n".join(f"[{number}] {text}" for number, text in enumerate(texts, start=1))


def add_passages(prompt: Prompt, text: str) -> Prompt:
    """Return a prompt with passages in front of what is asked, unless its template has put them somewhere.

    Args:
        prompt: The prompt.
        text: The passages; an empty text changes nothing.
    """
    if not text:
        return prompt
    front = f"{INTRODUCTION}\n\n{text}\n\n"
    if isinstance(prompt, TextPrompt):
        return prompt if text in prompt.text else TextPrompt(f"{front}{prompt.text}")
    if any(text in message["content"] for message in prompt.messages):
        return prompt
    *earlier, last = prompt.messages
    return ChatPrompt((*earlier, {**last, "content": f"{front}{last['content']}"}))


def add_examples(prompt: Prompt, examples: Sequence[Prompt]) -> Prompt:
    """Return a prompt with examples before it: in a text one after the other, in a chat as earlier turns.

    Args:
        prompt: The prompt.
        examples: Prompts of the same form, with their completions.
    """
    if not examples:
        return prompt
    if isinstance(prompt, TextPrompt):
        texts = (f"{each.text}{each.completion}" for each in examples if isinstance(each, TextPrompt))
        return TextPrompt("\n\n".join([*texts, prompt.text]))
    system = [message for message in prompt.messages if message["role"] == "system"]
    asked = [message for message in prompt.messages if message["role"] != "system"]
    turns = [turn for each in examples if isinstance(each, ChatPrompt) for turn in _turns(each)]
    return ChatPrompt((*system, *turns, *asked))


def _turns(example: ChatPrompt) -> Iterable[Message]:
    yield from (message for message in example.messages if message["role"] != "system")
    yield {"role": "assistant", "content": example.completion}
