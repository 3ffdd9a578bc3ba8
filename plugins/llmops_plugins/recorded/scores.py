"""The evaluator `recorded-scores`: the scores that came with recorded answers, as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from llmops_plugins.recorded.options import RecordedScoresOptions
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored


class RecordedScores(Evaluator):
    """Takes over scores. A record without one of the metrics has no value of it."""

    options: RecordedScoresOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of the options."""
        return self.options.metrics

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Yield the scores of each answer."""
        names = [metric.name for metric in self.options.metrics]
        for generation in generations:
            scores = {name: generation.answer.scores[name] for name in names if name in generation.answer.scores}
            if scores:
                yield Scored(generation.index, scores)
            else:
                yield Unscored(generation.index, "no score came with the answer")

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return what the scores rest on, as the options have it."""
        return self.options.origin
