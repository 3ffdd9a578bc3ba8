"""FMEval's semantic robustness: how much a changed question changes the answer.

The changed questions are asked as probes. FMEval then makes the same questions again, and a model runner gives it the
recorded answers and refuses any other question. Each record is scored by `evaluate_sample` of a new algorithm, which
changes it in the same way at any place in the dataset; in FMEval's `evaluate` all records share one source of random
numbers, and the changes of one depend on those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import attrs

from llmops_plugins.fmeval import algorithms
from llmops_plugins.fmeval.algorithms import metric
from llmops_plugins.fmeval.evaluator import FMEvalEvaluator
from llmops_plugins.fmeval.job import Job
from llmops_plugins.fmeval.rows import RowOrReason, Unscorable, prompt_text, text_of
from llmops_sdk.plugin import Answered, Context, Evaluator, Generation, Metric, Probe, Record

if TYPE_CHECKING:
    from llmops_plugins.fmeval.options import GeneralSemanticRobustnessOptions, PerturbationOptions

_PROBE_EVALUATOR = "general-semantic-robustness"


class SemanticRobustness(FMEvalEvaluator):
    """Asks every record again with a changed field, and lets FMEval compare the answers."""

    options: PerturbationOptions

    def __init__(self, options: PerturbationOptions) -> None:
        super().__init__(options)
        self._probe_evaluator: Evaluator | None = None

    @property
    def num_baseline_samples(self) -> int:
        """The number of answers to the unchanged question that FMEval compares with each other."""
        return 0

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the record with its field changed, as the evaluator of the same name without FMEval does."""
        if self._probe_evaluator is None:
            changes = self.options.perturbation()
            more = {"field": self.options.field, "num_baseline_samples": self.num_baseline_samples}
            # It scores nothing here: with a metric that needs no library, it can always be made.
            self._probe_evaluator = context.make(
                "evaluator", _PROBE_EVALUATOR, {**changes, **more, "metrics": ["word_error_rate"]}
            )
        return self._probe_evaluator.probes(context.for_card("evaluator", _PROBE_EVALUATOR), record)

    def answers(self, context: Context, generation: Generation) -> list[list[str]] | Unscorable:
        """Return the answers of FMEval's model runner: questions and answers in the order in which FMEval asks.

        First the question itself, then the changed ones.
        """
        text = text_of(generation, self.options.field, "question")
        if isinstance(text, Unscorable):
            return text
        if text not in prompt_text(generation):
            reason = f"the prompt does not show the field {self.options.field!r}, so changing it changes nothing"
            return Unscorable(reason)
        answers = [[text, generation.output]]
        for probe in self.probes(context, generation.record):
            outcome = generation.probes.get(probe.name)
            if not isinstance(outcome, Answered):
                reason = "it has no output" if outcome is None else outcome.error
                return Unscorable(f"probe {probe.name!r} was not answered: {reason}")
            answers.append([str((probe.record or {})[self.options.field]), outcome.answer.output])
        return answers


class AccuracySemanticRobustness(SemanticRobustness):
    """Compares the scores of the answers to the changed questions with the score of the answer to the question itself.

    FMEval also gives that score; here the task's own evaluator does.
    """

    accuracy: ClassVar[type[FMEvalEvaluator]]

    def __init__(self, options: PerturbationOptions) -> None:
        super().__init__(options)
        self._accuracy = self.accuracy(options)
        self.needs = self._accuracy.needs

    @property
    def scores(self) -> Mapping[str, Metric]:
        """The mean absolute change of each score of the task."""
        return {
            f"delta_{name}": metric(
                f"delta_{original.name.removeprefix('fmeval_')}",
                f"Change of {original.label.removesuffix(' (FMEval)')}",
                higher_is_better=False,
            )
            for name, original in self._accuracy.scores.items()
        }

    def job(self) -> Job:
        """Return the task's job, with changed questions."""
        job = self._accuracy.job()
        return attrs.evolve(
            job,
            module=f"{job.module}_semantic_robustness",
            name=f"{job.name}SemanticRobustness",
            config={**job.config, **self.options.perturbation()},
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
    """The share of changed questions for which a right label becomes wrong, or a wrong one right."""

    accuracy = algorithms.Labelling


class GeneralSemanticRobustness(SemanticRobustness):
    """Compares the answers to the changed questions with the answer to the question itself; there is no reference.

    FMEval asks the question itself twice to detect whether it has one answer, and otherwise subtracts the differences
    between its answers. The second answer is the recorded one again, or the first other one that was recorded.
    """

    options: GeneralSemanticRobustnessOptions
    scores = {  # noqa: RUF012 - it is never changed
        "word_error_rate": metric("word_error_rate", "Word error rate", higher_is_better=False, bounds=None),
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
            config={**self.options.perturbation(), **({"num_baseline_samples": samples} if samples else {})},
            columns=("model_input",),
            sample={"model_input": "model_input"},
            one_by_one=True,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the field and the answers."""
        answers = self.answers(context, generation)
        if isinstance(answers, Unscorable):
            return answers
        first, *further = answers
        second = next((answer for answer in further[self.options.num_perturbations :] if answer[1] != first[1]), first)
        return {"model_input": first[0], "answers": [first, second, *further]}
