"""The answer that a row holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from llmops_plugins.recorded.columns import MESSAGES, Columns
from llmops_plugins.recorded.fields import value_at
from llmops_plugins.recorded.keys import content_text
from llmops_sdk.plugin import Answer, RequestError, parse_answer, read_ending

_MILLISECONDS = 1_000.0
_ERRORS = ("error", "error_message", "exception")


def row_answer(fields: Mapping[str, Any], columns: Columns) -> Answer:
    """Return the answer of a row, with the numbers that it has.

    Raises:
        RequestError: The row has none: it is null, or its reason to end means that the model gave none. Not retryable.
    """
    value = value_at(fields, columns.answer)
    if columns.answer == MESSAGES:
        value = _last_turn(value)
    error = next((fields[name] for name in _ERRORS if fields.get(name)), None)
    if value is None or (value == "" and error):
        message = f"the recorded answer is {'null' if value is None else 'empty'}{f': {_text(error)}' if error else ''}"
        raise RequestError(message, retryable=False)
    reply = _reply(value) if isinstance(value, Mapping) else None
    base = reply or Answer(_text(value))
    reason = value_at(fields, columns.finish_reason) if columns.finish_reason else None
    latency = _number(value_at(fields, columns.latency)) if columns.latency else None
    return Answer(
        output=base.output,
        prompt_tokens=_count(fields, columns.input_tokens, base.prompt_tokens),
        output_tokens=_count(fields, columns.output_tokens, base.output_tokens),
        finish_reason=read_ending(reason, has_text=bool(base.output)) if reason else base.finish_reason,
        model=_name(value_at(fields, columns.model)) if columns.model else base.model,
        latency=latency if latency is None or not _in_milliseconds(columns.latency) else latency / _MILLISECONDS,
        reasoning=base.reasoning or _reasoning(fields),
        cost=_number(value_at(fields, columns.cost)) if columns.cost else None,
    )


def _last_turn(messages: Any) -> Any:
    """Return the content of the last turn of a conversation, if it is the assistant's."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, Mapping) or last.get("role") != "assistant" or last.get("content") is None:
        return None
    return content_text(last["content"])


def _reply(value: Mapping[str, Any]) -> Answer | None:
    """Return the answer of a complete reply, as an endpoint sent it; None for any other object."""
    body = value.get("body", value)
    if isinstance(body, Mapping) and ("choices" in body or "generated_text" in body):
        return parse_answer(body)
    return None


def _in_milliseconds(field: str) -> bool:
    return field.lower().endswith("ms")


def _reasoning(fields: Mapping[str, Any]) -> str:
    value = fields.get("reasoning", fields.get("reasoning_content"))
    return value if isinstance(value, str) else ""


def _count(fields: Mapping[str, Any], field: str, otherwise: int | None) -> int | None:
    number = _number(value_at(fields, field)) if field else None
    return otherwise if number is None else int(number)


def _number(value: Any) -> float | None:
    """Return a number that is not negative, also one that is written as text; None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
