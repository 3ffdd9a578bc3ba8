"""FMEval's algorithms that need only a dataset: each runs `evaluate()` on all records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from llmops_plugins._hub.model import weights_sha256
from llmops_plugins.fmeval.detoxify import CHECKPOINT, add_detoxify
from llmops_plugins.fmeval.evaluator import FMEvalEvaluator
from llmops_plugins.fmeval.job import Job, add_model
from llmops_plugins.fmeval.options import PUNKT, TOXICITY_ASSETS, WORDNET
from llmops_plugins.fmeval.rows import (
    Row,
    RowOrReason,
    Unscorable,
    answers_of,
    label_of,
    prompt_text,
    rouge_note,
    text_of,
    words_note,
)
from llmops_sdk.plugin import Answered, Context, Generation, Metric, Probe, Record, file_sha256

if TYPE_CHECKING:
    from llmops_plugins.fmeval.options import (
        ClassificationAccuracyOptions,
        FactualKnowledgeOptions,
        LabelOptions,
        PromptStereotypingOptions,
        QAAccuracyOptions,
        SummarizationAccuracyOptions,
        ToxicityOptions,
    )

_OUTPUT_AND_TARGET = {"target_output": "target_output", "model_output": "model_output"}
_TOXIGEN = "tomh/toxigen_roberta"
_ROUGE_LABELS = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}


def metric(
    name: str, label: str, *, higher_is_better: bool = True, bounds: tuple[float, float] | None = (0.0, 1.0)
) -> Metric:
    """Return a metric whose name and label show that FMEval itself computes it; most lie between 0 and 1.

    >>> metric("meteor", "METEOR")
    Metric(name='fmeval_meteor', label='METEOR (FMEval)', higher_is_better=True, bounds=(0.0, 1.0))
    """
    return Metric(f"fmeval_{name}", f"{label} (FMEval)", higher_is_better, bounds)


class SummarizationAccuracy(FMEvalEvaluator):
    """Compares a model's summary with a reference."""

    options: SummarizationAccuracyOptions
    needs = (WORDNET, PUNKT)

    @property
    def scores(self) -> Mapping[str, Metric]:
        """ROUGE of the option's type, METEOR and BERTScore."""
        rouge = self.options.rouge_type
        return {
            "rouge": metric(rouge, _ROUGE_LABELS[rouge]),
            "meteor": metric("meteor", "METEOR"),
            "bertscore": metric("bertscore", "BERTScore"),
        }

    def job(self) -> Job:
        """Return the job; FMEval requires the model's input, but does not read it."""
        return Job(
            module="summarization_accuracy",
            name="SummarizationAccuracy",
            config={"rouge_type": self.options.rouge_type, "use_stemmer_for_rouge": self.options.use_stemmer},
            columns=("model_input", "target_output", "model_output"),
            sample=_OUTPUT_AND_TARGET,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return prompt, reference and output."""
        target = text_of(generation, self.options.reference, "reference")
        if isinstance(target, Unscorable):
            return target
        return {
            "model_input": prompt_text(generation),
            "target_output": target,
            "model_output": generation.output,
        }

    def note(self, row: Row) -> str:
        """Return a note on a reference that ROUGE does not read."""
        return rouge_note(str(row["target_output"]))


class QAAccuracy(FMEvalEvaluator):
    """Compares an answer with the accepted ones."""

    options: QAAccuracyOptions
    scores = {  # noqa: RUF012 - it is never changed
        "f1_score": metric("f1", "F1 over words"),
        "exact_match_score": metric("exact_match", "Exact match"),
        "quasi_exact_match_score": metric("quasi_exact_match", "Quasi-exact match"),
        "precision_over_words": metric("precision_over_words", "Precision over words"),
        "recall_over_words": metric("recall_over_words", "Recall over words"),
        "bertscore": metric("qa_bertscore", "BERTScore of the answer"),
    }

    def job(self) -> Job:
        """Return the job."""
        return Job(
            module="qa_accuracy",
            name="QAAccuracy",
            config={"target_output_delimiter": self.options.delimiter},
            columns=("target_output", "model_output"),
            sample=_OUTPUT_AND_TARGET,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return accepted answers and output."""
        return _row(generation, answers_of(generation, self.options.reference, self.options.delimiter))

    def note(self, row: Row) -> str:
        """Return a note on accepted answers without words."""
        return words_note(str(row["target_output"]), self.options.delimiter)


class FactualKnowledge(FMEvalEvaluator):
    """Checks whether an output contains an expected answer."""

    options: FactualKnowledgeOptions
    scores = {  # noqa: RUF012 - it is never changed
        "factual_knowledge": metric("factual_knowledge", "Factual knowledge"),
        "factual_knowledge_quasi_exact": metric("factual_knowledge_quasi_exact", "Factual knowledge, quasi-exact"),
    }

    def job(self) -> Job:
        """Return the job."""
        return Job(
            module="factual_knowledge",
            name="FactualKnowledge",
            config={
                "target_output_delimiter": self.options.delimiter,
                "logical_operator": self.options.logical_operator,
            },
            columns=("target_output", "model_output"),
            sample=_OUTPUT_AND_TARGET,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return expected answers and output."""
        return _row(generation, answers_of(generation, self.options.reference, self.options.delimiter))


class Labelling(FMEvalEvaluator):
    """Checks whether the first label in an output is the true one."""

    options: LabelOptions
    scores = {  # noqa: RUF012 - it is never changed
        "classification_accuracy_score": metric("classification_accuracy", "Classification accuracy"),
    }

    def job(self) -> Job:
        """Return the job."""
        return Job(
            module="classification_accuracy",
            name="ClassificationAccuracy",
            config={"valid_labels": list(self.options.valid_labels)},
            columns=("target_output", "model_output"),
            sample=_OUTPUT_AND_TARGET,
            labels_from_targets=not self.options.valid_labels,
        )

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return true label and output."""
        return _row(generation, label_of(generation, self.options.reference))


class ClassificationAccuracy(Labelling):
    """Checks whether the first label in an output is the true one, and keeps FMEval's scores of all records."""

    options: ClassificationAccuracyOptions

    def job(self) -> Job:
        """Return the job, and how precision and recall are averaged."""
        job = super().job()
        average = self.options.multiclass_average_strategy
        return attrs.evolve(job, config={**job.config, "multiclass_average_strategy": average})


class PromptStereotyping(FMEvalEvaluator):
    """Compares how likely a model finds two sentences: one more stereotypical, one less.

    FMEval gives its second score, whether the more stereotypical sentence is likelier, for all records together only; here
    each record has it, by its definition: the difference is above 0. Its best value over many pairs is 0.5.
    """

    options: PromptStereotypingOptions
    scores = {  # noqa: RUF012 - it is never changed
        "prompt_stereotyping": metric(
            "prompt_stereotyping", "Prefers the more stereotypical sentence", higher_is_better=False
        ),
        "log_probability_difference": metric(
            "log_probability_difference", "Log-probability difference", higher_is_better=False, bounds=None
        ),
    }

    def job(self) -> Job:
        """Return the job."""
        return Job(
            module="prompt_stereotyping",
            name="PromptStereotyping",
            columns=("sent_more_log_prob", "sent_less_log_prob"),
            row_column="model_input",
            sample={
                "sent_more_log_probability": "sent_more_log_prob",
                "sent_less_log_probability": "sent_less_log_prob",
            },
        )

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Ask for the probability of each sentence, unchanged."""
        for name, field in self._sentences.items():
            text = record.get(field)
            if isinstance(text, str) and text.strip():
                yield Probe(name, text=text, log_probability=True)

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the two log-probabilities."""
        for field in self._sentences.values():
            sentence = text_of(generation, field, "sentence")
            if isinstance(sentence, Unscorable):
                return sentence
        log_probabilities = {}
        for name, field in self._sentences.items():
            outcome = generation.probes.get(name)
            if not isinstance(outcome, Answered) or outcome.answer.log_probability is None:
                reason = "it was not asked" if outcome is None or isinstance(outcome, Answered) else outcome.error
                return Unscorable(f"the sentence in {field!r} has no probability: {reason}")
            value = outcome.answer.log_probability
            if not math.isfinite(value) or value > 0:
                return Unscorable(f"the sentence in {field!r} has {value}, which is not the logarithm of a probability")
            log_probabilities[f"sent_{name}_log_prob"] = float(value)
        return log_probabilities

    def values(self, scores: Mapping[str, float]) -> Mapping[str, float]:
        """Return the difference and its sign."""
        difference = scores["log_probability_difference"]
        return super().values({**scores, "prompt_stereotyping": float(difference > 0)})

    @property
    def _sentences(self) -> Mapping[str, str]:
        return {"more": self.options.sent_more, "less": self.options.sent_less}


class Toxicity(FMEvalEvaluator):
    """Has a classifier score how toxic an output is, from 0 to 1."""

    options: ToxicityOptions

    @property
    def scores(self) -> Mapping[str, Metric]:
        """One score of toxigen, seven of detoxify."""
        names: tuple[str, ...] = ("toxicity",)
        if self.options.model_type == "detoxify":
            names += ("severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit")
        return {name: metric(name, name.replace("_", " ").capitalize(), higher_is_better=False) for name in names}

    def job(self) -> Job:
        """Return the job."""
        return Job(
            module="toxicity",
            name="Toxicity",
            config={"model_type": self.options.model_type},
            columns=("model_output",),
            sample={"model_output": "model_output"},
        )

    def prepare(self, context: Context, folder: Path) -> None:
        """Put the classifier where FMEval looks for it."""
        if self.options.model_type == "toxigen":
            add_model(folder, _TOXIGEN, self._weights(context))
        else:
            add_detoxify(folder, self._weights(context))

    def weights_sha256(self, context: Context) -> str:
        """Return the hash of the classifier's weights."""
        folder = self._weights(context)
        return file_sha256(folder / CHECKPOINT) if self.options.model_type == "detoxify" else weights_sha256(folder)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the common details, and the hash of the classifier's weights."""
        return {**super().provenance(context), "toxicity_weights_sha256": self.weights_sha256(context)}

    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the output."""
        return {"model_output": generation.output}

    def _weights(self, context: Context) -> Path:
        return context.asset(TOXICITY_ASSETS[self.options.model_type])


def _row(generation: Generation, target: str | Unscorable) -> RowOrReason:
    if isinstance(target, Unscorable):
        return target
    return {"target_output": target, "model_output": generation.output}
