"""What a plugin asks a service that bills it, as the budget of a run sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from llmops_sdk.values.answers import Outcome

T = TypeVar("T")


class Metering:
    """Counts what is asked, and holds questions back once a budget is spent. This one counts nothing: there is no run.

    An evaluator that asks another model with `ask` takes its questions from `affordable`, counts each outcome, and calls
    `check` once it has them all.
    """

    __slots__ = ()

    def affordable(self, questions: Iterator[T]) -> Iterator[T]:
        """Yield questions as long as something is left of the budget."""
        return questions

    def count(self, outcome: Outcome) -> None:
        """Count what became of a question."""

    def check(self, label: str) -> None:
        """Refuse to continue if questions were held back.

        Args:
            label: What the message calls the asker.

        Raises:
            EndpointError: They were.
        """
