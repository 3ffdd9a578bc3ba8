"""Factual knowledge: does the output contain what is expected? With the definitions and values of FMEval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from llmops_plugins.metrics.defined import LEFT_OUT, restrict
from llmops_plugins.metrics.pairs import Pair, Unscorable
from llmops_plugins.metrics.tasks.qa import accepted_answers, answer_problem, normalize
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
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation; a record without an expected answer is unscored."""
        del context
        for generation in generations:
            pair = accepted_answers(generation, self.options.reference, self.options.delimiter)
            if isinstance(pair, Unscorable):
                yield Unscored(generation.index, pair.reason)
            elif not all(answer.strip() for answer in pair.references):
                yield Unscored(generation.index, f"an expected answer in {self.options.reference!r} is empty")
            else:
                yield self._score(generation.index, pair)

    def _score(self, index: int, pair: Pair) -> RecordScore:
        decide = any if self.options.logical_operator == "OR" else all
        worded = restrict(pair, answer_problem)
        scores: dict[str, float] = {}
        reason = ""
        for name in self.options.metrics:
            # Without words, a normalized answer is empty, and every output contains it.
            compared = pair if name == "factual_knowledge" else worded
            if isinstance(compared, Unscorable):
                reason = compared.reason
            else:
                scores[name] = float(decide(_CONTAINS[name](pair.output, answer) for answer in compared.references))
        if not scores:
            return Unscored(index, reason)
        return Scored(index, scores, {LEFT_OUT: reason} if reason else {})


def _contains(output: str, answer: str) -> bool:
    return answer.lower() in output.lower()


def _contains_normalized(output: str, answer: str) -> bool:
    return normalize(answer) in normalize(output)


_CONTAINS: dict[str, Callable[[str, str], bool]] = {
    "factual_knowledge": _contains,
    "factual_knowledge_quasi_exact": _contains_normalized,
}
