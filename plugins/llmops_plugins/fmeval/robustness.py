"""FMEval's semantic robustness: how much does a changed question change the answer?

The changed questions are asked as probes. FMEval then makes them again itself, and the model runner it is given answers
from what was recorded, and refuses a question that was not asked. Each record is scored by `evaluate_sample` of a new
algorithm, which changes it in the same way wherever it stands; in FMEval's `evaluate` one source of random numbers goes
through the records, so that the changes of one depend on those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_plugins.fmeval import algorithms
from llmops_plugins.fmeval.algorithms import metric
from llmops_plugins.fmeval.evaluator import FMEvalEvaluator
from llmops_plugins.fmeval.job import Job
from llmops_plugins.fmeval.options import PERTURBATION_OPTIONS
from llmops_plugins.fmeval.rows import RowOrReason, Unscorable, prompt_text, text_of
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, Probe, Record

if TYPE_CHECKING:
    from llmops_plugins.fmeval.options import GeneralSemanticRobustnessOptions

_TWIN = "general-semantic-robustness"


class SemanticRobustness(FMEvalEvaluator):
    """Asks every record again with a changed field, and lets FMEval compare the answers."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._twin: Evaluator | None = None

    @property
    def num_baseline_samples(self) -> int:
        """How many answers to the unchanged question FMEval compares with each other."""
        return 0

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the record with its field changed, as the evaluator without FMEval asks it."""
        if self._twin is None:
            changes = {name: getattr(self.options, name) for name in PERTURBATION_OPTIONS}
            more = {"field": self.options.field, "num_baseline_samples": self.num_baseline_samples}
            # It compares nothing here: with a metric that needs nothing it can be made wherever the SDK is.
            self._twin = context.make("evaluator", _TWIN, {**changes, **more, "metrics": ["word_error_rate"]})
        return self._twin.probes(context, record)

    def answers(self, context: Context, generation: Generation) -> list[list[str]] | Unscorable:
        """Return what FMEval's model runner answers: questions and answers in the order in which FMEval asks.

        First the question itself, then the changed ones.
        """
        text = text_of(generation, self.options.field, "question")
        if isinstance(text, Unscorable):
            return text
        if text not in prompt_text(generation):
            reason = f"the prompt does not show the field {self.options.field!r}, so that changing it changes nothing"
            return Unscorable(reason)
        found = [[text, generation.output]]
        for probe in self.probes(context, generation.record):
            reply = generation.probes.get(probe.name)
            if reply is None or reply.output is None:
                why = reply.error if reply is not None and reply.error else "it has no output"
                return Unscorable(f"probe {probe.name!r} was not answered: {why}")
            found.append([str((probe.record or {})[self.options.field]), reply.output])
        return found


class AccuracySemanticRobustness(SemanticRobustness):
    """Compares the scores of the answers to the changed questions with the score of the answer to the question itself.

    FMEval also gives that score; here it is left to the evaluator of the task.
    """

    accuracy: ClassVar[type[FMEvalEvaluator]]

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._accuracy = self.accuracy(options)
        self.needs = self._accuracy.needs

    @property
    def scores(self) -> Mapping[str, Metric]:
        """The mean absolute change of each score of the task."""
        return {
            f"delta_{name}": metric(
                f"delta_{found.name.removeprefix('fmeval_')}",
                f"Change of {found.label.removesuffix(' (FMEval)')}",
                higher_is_better=False,
            )
            for name, found in self._accuracy.scores.items()
        }

    def job(self) -> Job:
        """Return the task's job, with changed questions."""
        job = self._accuracy.job()
        return attrs.evolve(
            job,
            module=f"{job.module}_semantic_robustness",
            name=f"{job.name}SemanticRobustness",
            config={**job.config, **_changes(self.options)},
            sample={"model_input": "model_input", "target_output": "target_output"},
            one_by_one=True,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the field, the target, and the answers."""
        row = self._accuracy.row(context, generation)
        if isinstance(row, Unscorable):
            return row
        answers = self.answers(context, generation)
        if isinstance(answers, Unscorable):
            return answers
        return {"model_input": answers[0][0], "target_output": row["target_output"], "answers": answers}


class SummarizationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How ROUGE, METEOR and BERTScore change with the question."""

    accuracy = algorithms.SummarizationAccuracy


class QAAccuracySemanticRobustness(AccuracySemanticRobustness):
    """How the scores of an answer change with the question."""

    accuracy = algorithms.QAAccuracy


class ClassificationAccuracySemanticRobustness(AccuracySemanticRobustness):
    """In what part of the changed questions a right label becomes wrong, or a wrong one right."""

    accuracy = algorithms.Labelling


class GeneralSemanticRobustness(SemanticRobustness):
    """Compares the answers to the changed questions with the answer to the question itself; there is no reference.

    FMEval asks the question itself twice to find out whether it has one answer, and takes the differences between several
    answers off where it has not. The second answer is the recorded one again, or the first other one that was recorded.
    """

    options: GeneralSemanticRobustnessOptions
    scores = {  # noqa: RUF012 - nobody changes it
        "word_error_rate": metric("word_error_rate", "Word error rate", higher_is_better=False),
        "bertscore_dissimilarity": metric("bertscore_dissimilarity", "BERTScore dissimilarity", higher_is_better=False),
    }

    @property
    def num_baseline_samples(self) -> int:
        """The option."""
        return self.options.num_baseline_samples

    def job(self) -> Job:
        """Return the job."""
        samples = self.num_baseline_samples
        return Job(
            module="general_semantic_robustness",
            name="GeneralSemanticRobustness",
            config={**_changes(self.options), **({"num_baseline_samples": samples} if samples else {})},
            columns=("model_input",),
            sample={"model_input": "model_input"},
            one_by_one=True,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the field and the answers."""
        answers = self.answers(context, generation)
        if isinstance(answers, Unscorable):
            return answers
        asked, *further = answers
        other = next((answer for answer in further[self.options.num_perturbations :] if answer[1] != asked[1]), asked)
        return {"model_input": asked[0], "answers": [asked, other, *further]}


def _changes(options: Any) -> dict[str, Any]:
    return {name: getattr(options, name) for name in PERTURBATION_OPTIONS}
