"""Semantic robustness of a task's scores, with the definitions and values of FMEval.

Every record is asked again with typing errors, capitals or misplaced spaces in one of its fields (`perturbations.py`);
these questions are the evaluator's probes. The evaluator of the task scores the outputs; here only the differences of
its scores are computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from llmops_plugins.metrics.pairs import Unscorable
from llmops_plugins.metrics.robustness.perturbations import perturb
from llmops_plugins.metrics.tasks.classification import ClassificationAccuracy
from llmops_plugins.metrics.tasks.qa import QAAccuracy
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk.plugin import (
    Answered,
    ChatPrompt,
    Context,
    Evaluator,
    Generation,
    Metric,
    Probe,
    Record,
    RecordScore,
    Scored,
    Unscored,
)

if TYPE_CHECKING:
    from llmops_plugins.metrics.robustness.options import PerturbationOptions


class SemanticRobustness(Evaluator):
    """Asks every record again with a changed field; the subclasses compare the outputs."""

    options: PerturbationOptions

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the record with its field changed, `"0"` to `"n-1"`; none where there is no text to change."""
        del context
        text = record.get(self.options.field)
        if not isinstance(text, str) or not text.strip():
            return
        for number, changed in enumerate(perturb(text, self.options)):
            yield Probe(str(number), record={**record, self.options.field: changed})

    def outputs(self, generation: Generation, names: Iterable[str]) -> list[str] | Unscorable:
        """Return what the model wrote for the probes of these names, or why it is missing."""
        problem = self._unchanged(generation)
        if problem:
            return Unscorable(problem)
        outputs = []
        for name in names:
            outcome = generation.probes.get(name)
            if not isinstance(outcome, Answered):
                reason = "it has no output" if outcome is None else outcome.error
                return Unscorable(f"probe {name!r} was not answered: {reason}")
            outputs.append(outcome.answer.output)
        return outputs

    def changed_outputs(self, generation: Generation) -> list[str] | Unscorable:
        """Return what the model wrote for the changed questions, or why it is missing."""
        return self.outputs(generation, map(str, range(self.options.num_perturbations)))

    def _unchanged(self, generation: Generation) -> str:
        """Return why changing the field changes nothing, or an empty text."""
        field, record = self.options.field, generation.record
        if field not in record:
            return f"the record has no field {field!r} to change; it has: {', '.join(sorted(record))}"
        text = record[field]
        if not isinstance(text, str):
            return f"the field {field!r} must be text to be changed, not {type(text).__name__}"
        if not text.strip():
            return f"the field {field!r} is empty: there is nothing to change"
        prompt = generation.prompt
        parts = [message["content"] for message in prompt.messages] if isinstance(prompt, ChatPrompt) else [prompt.text]
        if not any(text in part for part in parts):
            return f"the prompt does not show the field {field!r}, so changing it changes nothing"
        return ""


class AccuracySemanticRobustness(SemanticRobustness):
    """Compares the scores of the outputs to the changed questions with the score of the output to the question itself.

    Each metric `delta_<name>` is the mean over the changed questions of `abs(score - score of the changed one)`: 0 where
    the answers are equally good or equally bad.
    """

    accuracy: ClassVar[type[Evaluator]]

    def __init__(self, options: PerturbationOptions) -> None:
        super().__init__(options)
        self._accuracy = self.accuracy(options)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The differences of the task's metrics; the task's own evaluator gives the scores themselves."""
        return tuple(
            Metric(
                f"delta_{metric.name}",
                f"Change of {metric.label or metric.name}",
                higher_is_better=False,
                bounds=(0.0, metric.bounds[1] - metric.bounds[0]) if metric.bounds else None,
            )
            for metric in self._accuracy.metrics
        )

    def fingerprint(self, context: Context) -> str:
        """Return the fingerprint of the task's evaluator."""
        return self._accuracy.fingerprint(context)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the provenance of the task's evaluator."""
        return self._accuracy.provenance(context)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score all outputs in one stream, and yield the differences, record by record."""
        waiting: deque[_Expected] = deque()
        scores = self._accuracy.evaluate(context, self._stream(generations, waiting))
        for original in scores:
            expected = waiting.popleft()
            changed = list(islice(scores, expected.changed))
            if expected.problem:
                yield Unscored(expected.index, expected.problem)
            else:
                yield _difference(original, changed)

    def _stream(self, generations: Iterable[Generation], waiting: deque[_Expected]) -> Iterator[Generation]:
        """Yield each generation, then copies with the outputs to its changed questions; add their number to `waiting`."""
        for generation in generations:
            outputs = self.changed_outputs(generation)
            if isinstance(outputs, Unscorable):
                waiting.append(_Expected(generation.index, 0, outputs.reason))
                yield generation  # its score is not used; it keeps the two streams aligned
                continue
            waiting.append(_Expected(generation.index, len(outputs)))
            yield generation
            for output in outputs:
                yield attrs.evolve(generation, answer=attrs.evolve(generation.answer, output=output))


@attrs.frozen
class _Expected:
    """A record whose scores are to come.

    Attributes:
        index: The record's place in the test split.
        changed: The number of scores of changed questions that follow the record's own.
        problem: Why the record has no score; empty where it has one.
    """

    index: int
    changed: int
    problem: str = ""


def _difference(original: RecordScore, changed: Sequence[RecordScore]) -> RecordScore:
    """Return the mean absolute difference of each metric."""
    if not isinstance(original, Scored):
        return original
    values: dict[str, list[float]] = {name: [] for name in original.scores}
    for number, score in enumerate(changed):
        if not isinstance(score, Scored):
            return type(score)(original.index, f"probe '{number}': {score.error}")
        values = {name: differences for name, differences in values.items() if name in score.scores}
        for name, differences in values.items():
            differences.append(abs(original.scores[name] - score.scores[name]))
    return Scored(original.index, {f"delta_{name}": mean(differences) for name, differences in values.items()})


class SummarizationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How ROUGE, METEOR and BERTScore change with the question. FMEval's default is ROUGE-2 only."""

    accuracy = SummarizationAccuracy


class QAAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How the metrics of question answering change with the question."""

    accuracy = QAAccuracy


class ClassificationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """The share of changed questions for which a right label becomes wrong, or a wrong one right."""

    accuracy = ClassificationAccuracy


def mean(values: Sequence[float]) -> float:
    """Return the mean as FMEval computes it: numpy adds eight and more values in another order than Python."""
    return float(np.mean(values))
