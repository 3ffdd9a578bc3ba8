"""How long outputs are, compared with their references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored


class LengthRatio(Evaluator):
    """Words of the output divided by words of the reference, and how far that is from 1."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The error, which decides, and the ratio."""
        return (Metric("length_error", "Length error", higher_is_better=False), Metric("length_ratio", "Length ratio"))

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score each generation."""
        for generation in generations:
            words = len(str(generation.record["response"]).split())
            if words == 0:
                yield Unscored(generation.index, "the reference is empty")
                continue
            ratio = len(generation.output.split()) / words
            yield Scored(generation.index, {"length_error": abs(ratio - 1), "length_ratio": ratio})
