"""Semantic robustness, with the definitions and values of FMEval: how much does a changed question change the answer?

Every record is asked again with typing errors, capitals or misplaced spaces in one of its fields (`perturbations.py`);
these questions are the evaluator's probes. What the outputs are worth is left to the evaluator of the task, so that the
scores are the same numbers; here only their differences are taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from llmops_plugins.metrics.robustness.perturbations import perturb
from llmops_plugins.metrics.tasks.classification import ClassificationAccuracy
from llmops_plugins.metrics.tasks.pairs import Unscorable
from llmops_plugins.metrics.tasks.qa import QAAccuracy
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk.plugin import (
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
    """Asks every record again with a changed field; the subclasses tell what the outputs are worth."""

    options: PerturbationOptions

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the record with its field changed, `"0"` to `"n-1"`; nothing where there is no text to change."""
        del context
        text = record.get(self.options.field)
        if not isinstance(text, str) or not text.strip():
            return
        for number, changed in enumerate(perturb(text, self.options)):
            yield Probe(str(number), record={**record, self.options.field: changed})

    def outputs(self, generation: Generation, names: Iterable[str]) -> list[str] | Unscorable:
        """Return what the model wrote for the probes of these names, or why that is not known."""
        problem = self._unchanged(generation)
        if problem:
            return Unscorable(problem)
        found = []
        for name in names:
            reply = generation.probes.get(name)
            if reply is None or reply.output is None:
                reason = reply.error if reply is not None and reply.error else "it has no output"
                return Unscorable(f"probe {name!r} was not answered: {reason}")
            found.append(reply.output)
        return found

    def changed_outputs(self, generation: Generation) -> list[str] | Unscorable:
        """Return what the model wrote for the changed questions, or why that is not known."""
        return self.outputs(generation, map(str, range(self.options.num_perturbations)))

    def _unchanged(self, generation: Generation) -> str:
        """Say why changing the field changes nothing; an empty text where it does."""
        field, record = self.options.field, generation.record
        if field not in record:
            return f"the record has no field {field!r} to change; it has: {', '.join(sorted(record))}"
        text = record[field]
        if not isinstance(text, str):
            return f"the field {field!r} holds no text to change but {type(text).__name__}"
        if not text.strip():
            return f"the field {field!r} is empty: there is nothing to change"
        prompt = generation.prompt
        asked = [message["content"] for message in prompt.messages] if isinstance(prompt, ChatPrompt) else [prompt.text]
        if not any(text in part for part in asked):
            return f"the prompt does not show the field {field!r}, so that changing it changes nothing"
        return ""


class AccuracySemanticRobustness(SemanticRobustness):
    """Compares the scores of the outputs to the changed questions with the score of the output to the question itself.

    Each metric `delta_<name>` is the mean over the changed questions of `abs(score - score of the changed one)`: 0 where
    the answers are equally good, or equally bad.
    """

    accuracy: ClassVar[type[Evaluator]]

    def __init__(self, options: PerturbationOptions) -> None:
        super().__init__(options)
        self._accuracy = self.accuracy(options)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The differences of the task's metrics; the scores themselves are given by the task's own evaluator."""
        return tuple(
            Metric(f"delta_{metric.name}", f"Change of {metric.label or metric.name}", higher_is_better=False)
            for metric in self._accuracy.metrics
        )

    def fingerprint(self, context: Context) -> str:
        """Return the fingerprint of the task's evaluator."""
        return self._accuracy.fingerprint(context)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return that of the task's evaluator."""
        return self._accuracy.provenance(context)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score all outputs in one stream, and yield the differences record by record."""
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
        """Yield each generation, then the same with the outputs to its changed questions; note how many there are."""
        for generation in generations:
            outputs = self.changed_outputs(generation)
            if isinstance(outputs, Unscorable):
                waiting.append(_Expected(generation.index, 0, outputs.reason))
                yield generation  # its score is not used; it keeps the two streams in step
                continue
            waiting.append(_Expected(generation.index, len(outputs)))
            yield generation
            for output in outputs:
                yield attrs.evolve(generation, output=output)


@attrs.frozen
class _Expected:
    """A record whose scores are under way.

    Attributes:
        index: The record's place in the test split.
        changed: How many scores of changed questions follow that of the record itself.
        problem: Why the record has no score; empty where it has one.
    """

    index: int
    changed: int
    problem: str = ""


def _difference(original: RecordScore, changed: Sequence[RecordScore]) -> RecordScore:
    """Return the mean absolute differences of the metrics that all have."""
    if isinstance(original, Unscored):
        return original
    values: dict[str, list[float]] = {name: [] for name in original.scores}
    for number, score in enumerate(changed):
        if isinstance(score, Unscored):
            return Unscored(original.index, f"probe '{number}': {score.error}")
        for name, differences in values.items():
            differences.append(abs(original.scores[name] - score.scores[name]))
    return Scored(original.index, {f"delta_{name}": mean(found) for name, found in values.items()})


class SummarizationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How ROUGE, METEOR and BERTScore change with the question. FMEval gives ROUGE-2 only unless told otherwise."""

    accuracy = SummarizationAccuracy


class QAAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How the metrics of question answering change with the question."""

    accuracy = QAAccuracy


class ClassificationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """In what part of the changed questions a right label becomes wrong, or a wrong one right."""

    accuracy = ClassificationAccuracy


def mean(values: Sequence[float]) -> float:
    """Return the mean as FMEval takes it: numpy adds up eight values and more in another order than Python."""
    return float(np.mean(values))
