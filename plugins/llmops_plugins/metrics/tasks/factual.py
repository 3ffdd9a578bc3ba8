"""Factual knowledge: does the output contain what is expected? With the definitions and values of FMEval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from llmops_plugins.metrics.pairs import Unscorable
from llmops_plugins.metrics.tasks.qa import accepted_answers, normalize
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.tasks.options import FactualKnowledgeOptions

_LABELS = {
    "factual_knowledge": "Factual knowledge",
    "factual_knowledge_quasi_exact": "Factual knowledge, quasi-exact",
}


class FactualKnowledge(Evaluator):
    """Scores 1 where the output contains an expected answer (with the operator AND: all of them), else 0.

    `factual_knowledge` ignores upper and lower case; `factual_knowledge_quasi_exact` also ignores punctuation, articles
    and repeated spaces. Both search anywhere, within a word too ("men" in "women").

    An empty expected answer is contained in every output, and FMEval counts it so; here the record is unscored, since
    its reference is at fault.
    """

    options: FactualKnowledgeOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name]) for name in self.options.metrics)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation; a record without an expected answer is unscored."""
        del context
        decide = any if self.options.logical_operator == "OR" else all
        for generation in generations:
            pair = accepted_answers(generation, self.options.reference, self.options.delimiter)
            if isinstance(pair, Unscorable):
                yield Unscored(generation.index, pair.reason)
            elif not all(answer.strip() for answer in pair.references):
                yield Unscored(generation.index, f"an expected answer in {self.options.reference!r} is empty")
            else:
                scores = {
                    name: float(decide(_CONTAINS[name](pair.output, answer) for answer in pair.references))
                    for name in self.options.metrics
                }
                yield Scored(generation.index, scores)


def _contains(output: str, answer: str) -> bool:
    return answer.lower() in output.lower()


def _contains_normalized(output: str, answer: str) -> bool:
    return normalize(answer) in normalize(output)


_CONTAINS: dict[str, Callable[[str, str], bool]] = {
    "factual_knowledge": _contains,
    "factual_knowledge_quasi_exact": _contains_normalized,
}
