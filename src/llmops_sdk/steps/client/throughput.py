"""How fast an attempt at a cell's questions goes."""

from __future__ import annotations

import time

import attrs

from llmops_sdk.values.answers import Answered, Outcome


@attrs.define
class Throughput:
    """Counts the outcomes of one attempt.

    Attributes:
        output_tokens: Of all answers, or None where the endpoint does not count them.
        failed: Questions without an answer.
        seconds: From the first question to the latest outcome.
    """

    output_tokens: int | None = None
    failed: int = 0
    seconds: float = 0.0
    _started: float = attrs.field(factory=time.monotonic)

    def count(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.seconds = time.monotonic() - self._started
        if not isinstance(outcome, Answered):
            self.failed += 1
        elif outcome.answer.output_tokens is not None:
            self.output_tokens = (self.output_tokens or 0) + outcome.answer.output_tokens

    @property
    def output_tokens_per_second(self) -> float | None:
        """Output tokens of all answers by the time; None where the endpoint does not count them."""
        return self.output_tokens / self.seconds if self.output_tokens is not None and self.seconds else None

    def progress(self) -> dict[str, str]:
        """Return what the progress shows: tokens per second and failures."""
        shown = {}
        if self.output_tokens_per_second is not None:
            shown["tokens_per_s"] = f"{self.output_tokens_per_second:.0f}"
        if self.failed:
            shown["failed"] = str(self.failed)
        return shown
