"""`numeric`: whether the number in an answer is the right one, within a tolerance."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    accepted_values,
    shown,
)
from llmops_plugins.metrics.rules.numbers import UnreadableNumber, marked_answer, numbers_in
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.rules.options import NumericOptions

_LARGEST_ERROR = 1e100


class Numeric(AnswerEvaluator):
    """Scores 1 where the answer's number is within the tolerance of an accepted one; an answer without a number is a failure."""

    options: NumericOptions

    def __init__(self, options: NumericOptions) -> None:
        super().__init__(options)
        self._absolute = Decimal(repr(options.absolute_tolerance))
        self._relative = Decimal(repr(options.relative_tolerance))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The match, which has bounds, and the distance, which has none."""
        return (
            Metric("numeric_match", "Right number", bounds=(0.0, 1.0)),
            Metric("absolute_error", "Absolute error", higher_is_better=False),
        )

    def score(self, generation: Generation) -> Scored:
        """Compare the number of one answer; it is in the notes."""
        accepted = self._accepted(generation)
        number = self._of_answer(generation.output)
        errors = {right: abs(number - right) for right in accepted}
        is_right = any(
            error <= max(self._absolute, self._relative * abs(right)) or number == right
            for right, error in errors.items()
        )
        error = min(float(min(errors.values())), _LARGEST_ERROR)
        return Scored(
            generation.index, {"numeric_match": float(is_right), "absolute_error": error}, {"number": f"{number}"}
        )

    def _of_answer(self, output: str) -> Decimal:
        marked = marked_answer(output)
        numbers = self._numbers(output if marked is None else marked)
        if not numbers:
            message = f"the answer has no number: {shown(output)}" if output.strip() else "the answer is empty"
            raise UnreadableAnswerError(message)
        if self.options.take == "only" and len(set(numbers)) > 1:
            message = f"the answer has {len(numbers)} numbers, and take is 'only'"
            raise UnreadableAnswerError(message)
        number = numbers[0] if self.options.take == "first" else numbers[-1]
        if isinstance(number, UnreadableNumber):
            message = f"{shown(number.text)} is no number: {number.reason}"
            raise UnreadableAnswerError(message)
        return number

    def _accepted(self, generation: Generation) -> list[Decimal]:
        return [self._reference(each) for each in accepted_values(generation.record, self.options.field)]

    def _reference(self, value: Any) -> Decimal:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = Decimal(repr(value))
            if number.is_finite():
                return number
        elif isinstance(value, str):
            marked = marked_answer(value)
            numbers = self._numbers(value if marked is None else marked)
            if len(numbers) == 1 and isinstance(numbers[0], Decimal):
                return numbers[0]
        message = f"the reference field {self.options.field!r} must have one number, not {shown(value)}"
        raise UnusableRecordError(message)

    def _numbers(self, text: str) -> list[Decimal | UnreadableNumber]:
        return list(numbers_in(text, decimal=self.options.decimal, percent=self.options.percent))
