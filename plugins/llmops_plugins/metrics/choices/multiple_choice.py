"""`multiple-choice`: whether the letter in an answer is the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    shown,
)
from llmops_plugins.metrics.choices.choices import Choices, choices_of, right_choice
from llmops_plugins.metrics.choices.letters import letter_in
from llmops_sdk.plugin import Generation, Metric, Record, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.choices.options import MultipleChoiceOptions


class MultipleChoice(AnswerEvaluator):
    """Scores 1 where the answer chooses the right letter, else 0; an answer that chooses none is a failure.

    Of a record whose choices are known, an answer that is the text of one of them chooses it.
    """

    options: MultipleChoiceOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("choice_accuracy", "Right choice", bounds=(0.0, 1.0)),)

    def score(self, generation: Generation) -> Scored:
        """Read one answer; its letter is in the notes."""
        choices, letters = self._offered(generation.record)
        right = letters[right_choice(generation.record, self.options.field, choices)]
        letter = self._by_text(generation.output, choices, letters) or letter_in(
            generation.output, letters, last_letter=self.options.last_letter
        )
        if not letter:
            message = f"the answer chooses no letter of {letters}: {shown(generation.output)}"
            raise UnreadableAnswerError(message)
        return Scored(generation.index, {"choice_accuracy": float(letter == right)}, {"letter": letter})

    def _offered(self, record: Record) -> tuple[Choices, str]:
        letters = self.options.letters
        if self.options.choices not in record:
            return Choices(tuple(letters), tuple(letters)), letters
        choices = choices_of(record, self.options.choices)
        if all(len(label) == 1 and label.isascii() and label.isalpha() for label in choices.labels):
            return choices, "".join(choices.labels)
        if len(choices.texts) > len(letters):
            message = f"the record has {len(choices.texts)} choices, and letters has {len(letters)} ({letters})"
            raise UnusableRecordError(message)
        return choices, letters[: len(choices.texts)]

    def _by_text(self, output: str, choices: Choices, letters: str) -> str:
        text = _plain(output)
        places = [place for place, choice in enumerate(choices.texts) if _plain(choice) == text]
        return letters[places[0]] if text and len(places) == 1 else ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .*\"'")
