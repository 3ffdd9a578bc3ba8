"""`tool-calls`: whether an answer calls the tools that are expected, with the same arguments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmops_plugins.metrics.answers import AnswerEvaluator, UnusableRecordError, reference_values
from llmops_plugins.metrics.structured.calls import Call, calls_in, calls_of
from llmops_plugins.metrics.structured.json_text import parse_json
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmops_plugins.metrics.structured.options import ToolCallsOptions


class ToolCalls(AnswerEvaluator):
    """Scores 1 where all calls are the expected ones, else 0; an answer that starts a call that cannot be read is a failure."""

    options: ToolCallsOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The calls with their arguments, and their names alone."""
        return (
            Metric("tool_calls_equal", "Right tool calls", bounds=(0.0, 1.0)),
            Metric("tool_names_equal", "Right tools", bounds=(0.0, 1.0)),
        )

    def score(self, generation: Generation) -> Scored:
        """Compare the calls of one answer; they are in the notes."""
        accepted = self._accepted(generation)
        calls = calls_in(generation.output)
        scores = {
            "tool_calls_equal": float(any(self._are_same(calls, one) for one in accepted)),
            "tool_names_equal": float(any(self._names(calls) == self._names(one) for one in accepted)),
        }
        return Scored(generation.index, scores, {"calls": _text_of(calls)})

    def _are_same(self, calls: Sequence[Call], expected: Sequence[Call]) -> bool:
        if len(calls) != len(expected):
            return False
        if not self.options.ignore_order:
            return all(call.is_same(other) for call, other in zip(calls, expected, strict=True))
        left = list(expected)
        for call in calls:
            place = next((place for place, other in enumerate(left) if call.is_same(other)), None)
            if place is None:
                return False
            del left[place]
        return True

    def _names(self, calls: Sequence[Call]) -> list[str]:
        names = [call.name for call in calls]
        return sorted(names) if self.options.ignore_order else names

    def _accepted(self, generation: Generation) -> list[list[Call]]:
        field = self.options.field
        value = reference_values(generation.record, field)
        try:
            value = _parsed(value)
            if isinstance(value, list) and value and all(isinstance(each, list) for each in map(_parsed, value)):
                return [calls_of(_parsed(each)) for each in value]
            if isinstance(value, list):
                value = [_parsed(each) for each in value]
            return [calls_of(value)]
        except ValueError as exc:
            message = f"the reference field {field!r}: {exc}"
            raise UnusableRecordError(message) from None


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except ValueError as exc:
        message = f"it is no JSON: {exc}"
        raise ValueError(message) from None


def _text_of(calls: Sequence[Call]) -> str:
    shown = [{"name": call.name, "arguments": dict(call.arguments)} for call in calls]
    return json.dumps(shown, ensure_ascii=False, default=str)
