"""Evaluators that need no library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.testing.options import EchoProbesOptions
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.data import Record
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.probes import Probe
from llmops_sdk.values.scores import Metric, RecordScore, Scored, Unscored


class EchoScore(Evaluator):
    """Scores 1 if the output is the reference; and a number between 0 and 1 that depends on the output alone."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The exact match, which decides, and the noise."""
        return (Metric("exact", "Exact match", bounds=(0.0, 1.0)), Metric("noise", "Noise", higher_is_better=False))

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score each generation."""
        for generation in generations:
            reference = generation.record.get("response")
            if reference is None:
                yield Unscored(generation.index, "the record has no response")
                continue
            noise = int.from_bytes(hashlib.sha256(generation.output.encode()).digest()[:2], "big") / 65536
            exact = float(generation.output == reference)
            yield Scored(generation.index, {"exact": exact, "noise": noise})


class EchoProbes(Evaluator):
    """Asks each record again with a word before its context; scores the share of answers that end with the reference."""

    options: EchoProbesOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The share of steady answers; with `likelihood` also the log-probability of the reference."""
        likelihood = (Metric("likelihood", "Log-probability of the reference"),) if self.options.likelihood else ()
        return (Metric("steady", "Steadiness"), *likelihood)

    def probes(self, context: Context, record: Record) -> Iterator[Probe]:
        """Yield one probe for each word."""
        for word in self.options.words:
            yield Probe(word, record={**record, "context": f"{word} {record['context']}"})
        if self.options.likelihood and "response" in record:
            yield Probe("likelihood", text=record["response"], log_probability=True)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score each generation."""
        for generation in generations:
            answers: dict[str, Answer] = {}
            errors: list[str] = []
            for name, outcome in generation.probes.items():
                if isinstance(outcome, Answered):
                    answers[name] = outcome.answer
                else:
                    errors.append(outcome.error)
            if "response" not in generation.record:
                errors.append("the record has no response")
            if errors:
                yield Unscored(generation.index, errors[0])
                continue
            kept = [answers[word].output.endswith(generation.record["response"]) for word in self.options.words]
            scores = {"steady": self.options.weight * sum(kept) / len(kept)}
            if self.options.likelihood:
                scores["likelihood"] = answers["likelihood"].log_probability or 0.0
            yield Scored(generation.index, scores, notes={"kept": f"{sum(kept)} of {len(kept)}"})
