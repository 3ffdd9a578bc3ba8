"""The answer that a row holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from llmops_plugins.recorded.columns import CONVERSATIONS, ERRORS, IS_MISSING, REASONING, Columns
from llmops_plugins.recorded.fields import field_of
from llmops_plugins.recorded.keys import ASSISTANT, role_of, turn_text
from llmops_sdk.plugin import Answer, RequestError, number_of, parse_answer, read_ending

_MILLISECONDS = 1_000.0


def row_answer(fields: Mapping[str, Any], columns: Columns) -> Answer:
    """Return the answer of a row, with the numbers that it has.

    An answer that came with a score may lack its text.

    Raises:
        RequestError: The row has none: it is null, or its reason to end means that the model gave none. Not retryable.
            Its `is_missing` is set where the row says that the model is not to blame.
    """
    value = field_of(fields, columns.answer)
    if columns.answer in CONVERSATIONS and isinstance(value, list):
        value = _last_turn(value)
    error = next((fields[name] for name in ERRORS if fields.get(name)), None)
    scores = {
        metric: score
        for metric, field in columns.scores.items()
        if (score := number_of(field_of(fields, field))) is not None
    }
    if value is None and scores and not error:
        value = ""
    if value is None or (value == "" and error):
        raise _no_answer(value, error, is_missing=fields.get(IS_MISSING) is True)
    reply = _reply(value) if isinstance(value, Mapping) else None
    base = reply or Answer(_text(value))
    reason = field_of(fields, columns.finish_reason)
    latency = _number(field_of(fields, columns.latency))
    return Answer(
        output=base.output,
        prompt_tokens=_count(fields, columns.input_tokens, base.prompt_tokens),
        output_tokens=_count(fields, columns.output_tokens, base.output_tokens),
        finish_reason=read_ending(reason, has_text=bool(base.output)) if reason else base.finish_reason,
        model=_name(field_of(fields, columns.model)) or base.model,
        latency=latency if latency is None or not _in_milliseconds(columns.latency) else latency / _MILLISECONDS,
        reasoning=base.reasoning or _reasoning(fields),
        cost=_number(field_of(fields, columns.cost)),
        scores=scores,
    )


def _no_answer(value: Any, error: Any, *, is_missing: bool) -> RequestError:
    reason = _text(error) if error else ""
    if is_missing and reason:
        return RequestError(reason, retryable=False, is_missing=True)
    message = f"the recorded answer is {'null' if value is None else 'empty'}{f': {reason}' if reason else ''}"
    return RequestError(message, retryable=False, is_missing=is_missing)


def _last_turn(turns: list[Any]) -> str | None:
    """Return the text of the last turn of a conversation, or None if it is not the assistant's."""
    return turn_text(turns[-1]) if turns and role_of(turns[-1]) == ASSISTANT else None


def _reply(value: Mapping[str, Any]) -> Answer | None:
    """Return the answer of a complete reply, as an endpoint sent it; None for any other object."""
    body = value.get("body", value)
    if isinstance(body, Mapping) and ("choices" in body or "generated_text" in body):
        return parse_answer(body)
    return None


def _in_milliseconds(field: str) -> bool:
    return field.lower().endswith("ms")


def _reasoning(fields: Mapping[str, Any]) -> str:
    return next((value for name in REASONING if isinstance(value := fields.get(name), str)), "")


def _count(fields: Mapping[str, Any], field: str, otherwise: int | None) -> int | None:
    number = _number(field_of(fields, field))
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
