"""The choices of a record, and which one of them is right."""

from __future__ import annotations

import re
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins.metrics.answers import UnusableRecordError, reference_values, shown

if TYPE_CHECKING:
    from llmops_sdk.plugin import Record

_FEWEST = 2


@attrs.frozen
class Choices:
    """What a record offers.

    Attributes:
        texts: Each choice.
        labels: What each is called, such as A, B, C.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]


def choices_of(record: Record, field: str) -> Choices:
    """Return the choices of a record: a list of texts, or texts with labels, as the dataset ARC has them.

    Raises:
        UnusableRecordError: There are none, or they are no texts.
    """
    value = reference_values(record, field)
    listed, named = (value.get("text"), value.get("label")) if isinstance(value, dict) else (value, None)
    texts = _different_texts(listed)
    if len(texts) < _FEWEST:
        message = f"the field {field!r} must have two or more different texts, not {shown(value)}"
        raise UnusableRecordError(message)
    if named is None:
        has_letters = len(texts) <= len(ascii_uppercase)
        return Choices(
            texts, tuple(ascii_uppercase[: len(texts)]) if has_letters else tuple(map(str, range(len(texts))))
        )
    labels = _different_texts(named)
    if len(labels) != len(texts):
        message = f"the labels in the field {field!r} must be different texts, one for each choice"
        raise UnusableRecordError(message)
    return Choices(texts, labels)


def right_choice(record: Record, field: str, choices: Choices) -> int:
    """Return the place of the right choice: by its text, its label, or its number from 0, in this order.

    Datasets turn a number in `response` into text, so a number counts as either.

    Raises:
        UnusableRecordError: The field names none of them.
    """
    value = reference_values(record, field)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices.texts):
        return value
    if isinstance(value, str):
        for names in (choices.texts, choices.labels, tuple(label.lower() for label in choices.labels)):
            text = value if value in names else value.strip().strip("().").strip()
            text = text if text in names else text.lower()
            if text in names:
                return names.index(text)
        if re.fullmatch(r"\s*[0-9]{1,3}\s*", value) and int(value) < len(choices.texts):
            return int(value)
    message = f"the reference field {field!r} is none of the choices: {shown(value)}"
    raise UnusableRecordError(message)


def _different_texts(values: Any) -> tuple[str, ...]:
    """Return the texts of a list; none where one of them is empty, no text, or there twice."""
    texts = tuple(values) if isinstance(values, (list, tuple)) else ()
    are_texts = all(isinstance(text, str) and text.strip() for text in texts)
    return texts if are_texts and len(set(texts)) == len(texts) else ()
