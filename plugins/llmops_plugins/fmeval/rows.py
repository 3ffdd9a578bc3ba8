"""The rows that FMEval reads, made from generations, or the reason why a generation has none."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping
from typing import Any, Union

import attrs

from llmops_sdk.plugin import Generation, TextPrompt


@attrs.frozen
class Unscorable:
    """Why FMEval is not asked about a generation."""

    reason: str


Row = Mapping[str, Any]
"""One line of `records.jsonl`: FMEval's column -> value."""

RowOrReason = Union[Row, Unscorable]

_ARTICLES = frozenset({"a", "an", "the"})
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)

UNDEFINED = "undefined"
"""The note on a record that FMEval scores although its metric is not defined for the reference."""


def prompt_text(generation: Generation) -> str:
    """Return the prompt of the model as one text."""
    prompt = generation.prompt
    if isinstance(prompt, TextPrompt):
        return prompt.text
    return "\n".join(message["content"] for message in prompt.messages)


def text_of(generation: Generation, field: str, role: str) -> str | Unscorable:
    """Return the text in a field of the record, or why there is none.

    Args:
        generation: The generation.
        field: The record's field.
        role: Its name in messages (`reference`).
    """
    text = generation.record.get(field)
    if text is None:
        known = ", ".join(sorted(generation.record))
        return Unscorable(f"the record has no {role} field {field!r}; it has: {known}")
    if not isinstance(text, str):
        return Unscorable(f"the {role} field {field!r} must be text, not {type(text).__name__}")
    if not text.strip():
        return Unscorable(f"the {role} field {field!r} is empty")
    return text


def answers_of(generation: Generation, field: str, delimiter: str) -> str | Unscorable:
    """Return the accepted answers in a field of the record as FMEval expects them: in one text, separated by a delimiter.

    The texts of a list are joined, without empty ones; a list with anything else is refused.
    """
    answers = generation.record.get(field)
    if not isinstance(answers, (list, tuple)):
        return text_of(generation, field, "reference")
    no_text = [answer for answer in answers if not isinstance(answer, str)]
    if no_text:
        return Unscorable(f"the reference field {field!r} must be text, not {type(no_text[0]).__name__}")
    texts = [answer for answer in answers if answer.strip()]
    if not texts:
        return Unscorable(f"the reference field {field!r} is empty")
    return delimiter.join(texts)


def label_of(generation: Generation, field: str) -> str | Unscorable:
    """Return the true label in a field of the record: a text unchanged, or a whole number or truth value as a text.

    Numbers and truth values are written in lower case, as FMEval's labels are: `True` is the label `true`.
    """
    label = generation.record.get(field)
    return str(label).lower() if isinstance(label, int) else text_of(generation, field, "reference")


def checked(row: RowOrReason) -> RowOrReason:
    """Return a row that can be written in UTF-8, which FMEval's data format is, or the reason why it cannot."""
    if isinstance(row, Unscorable):
        return row
    for column, value in row.items():
        if isinstance(value, str) and not _is_unicode(value):
            return Unscorable(f"FMEval cannot read half of a surrogate pair, which is in the {column}")
    return row


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def rouge_note(reference: str) -> str:
    """Return what ROUGE's 0 for a reference means whose letters its tokenizer drops: all but a-z and 0-9.

    >>> rouge_note("\u4eca\u5929")
    "FMEval's ROUGE reads 0 of the 2 letters of the reference: its value says nothing"
    """
    letters = [letter for letter in reference if unicodedata.category(letter)[0] in "LNM"]
    read = sum(letter.isascii() for letter in letters)
    if letters and 2 * read >= len(letters):
        return ""
    return f"FMEval's ROUGE reads {read} of the {len(letters)} letters of the reference: its value says nothing"


def words_note(answers: str, delimiter: str) -> str:
    """Return what FMEval's 0 means where an accepted answer has no words besides articles and punctuation.

    >>> words_note("The !", "<OR>")
    'an accepted answer has no words besides articles and punctuation: values over words say nothing'
    """
    for answer in answers.split(delimiter) if delimiter else [answers]:
        bare = answer.lower().translate(_WITHOUT_PUNCTUATION).split()
        words = [word for word in bare if word not in _ARTICLES and any(map(str.isalnum, word))]
        if not words:
            return "an accepted answer has no words besides articles and punctuation: values over words say nothing"
    return ""
