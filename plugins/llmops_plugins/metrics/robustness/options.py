"""The cards and the options of the evaluators that change the question and see what happens. Nothing heavy is imported."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.bertscore.options import BertscoreOptions
from llmops_plugins.metrics.options import one_of, some_of
from llmops_plugins.metrics.tasks.options import ClassificationAccuracyOptions, QAAccuracyOptions
from llmops_plugins.metrics.tasks.summarization_options import (
    CARDS as SUMMARIZATION_CARDS,
    SummarizationAccuracyOptions,
)
from llmops_sdk.plugin import EvaluatorCard, Options, option

PERTURBATIONS = ("butter_finger", "random_upper_case", "whitespace_add_remove")
GENERAL_METRICS = ("word_error_rate", "bertscore_dissimilarity")

_PROBABILITY = [validators.ge(0), validators.le(1)]


def _samples(_options: object, _attribute: object, value: int) -> None:
    if value < 0 or value == 1:
        message = f"num_baseline_samples is 0, or 2 and more, since answers are compared in pairs, not {value}"
        raise ValueError(message)


@attrs.frozen(kw_only=True, slots=False)  # a base among several: two with slots would not go together
class PerturbationOptions(Options):
    """How the question is changed. Names and defaults are FMEval's."""

    perturbation_type: str = option(
        "butter_finger",
        help=f"how the field is changed, one of {', '.join(PERTURBATIONS)}",
        validator=one_of(PERTURBATIONS),
    )
    num_perturbations: int = option(
        5, help="changed copies of each record; so many more questions are asked", validator=validators.ge(1)
    )
    butter_finger_perturbation_prob: float = option(
        0.1, help="butter_finger: the probability that a letter is mistyped", validator=_PROBABILITY
    )
    random_uppercase_corrupt_proportion: float = option(
        0.1, help="random_upper_case: the part of the characters put in upper case", validator=_PROBABILITY
    )
    whitespace_add_prob: float = option(
        0.05, help="whitespace_add_remove: the probability of a space after a character", validator=_PROBABILITY
    )
    whitespace_remove_prob: float = option(
        0.1, help="whitespace_add_remove: the probability that a space goes", validator=_PROBABILITY
    )
    field: str = option(
        "instruction", help="the record's field that is changed; the others stay", validator=validators.min_len(1)
    )
    seed: int = option(5, help="of the random changes, the same for every record", validator=validators.ge(0))


@attrs.frozen(kw_only=True)
class SummarizationAccuracySemanticRobustnessOptions(SummarizationAccuracyOptions, PerturbationOptions):
    """How the question is changed, and which metrics of `summarization-accuracy` are compared."""


@attrs.frozen(kw_only=True)
class QAAccuracySemanticRobustnessOptions(QAAccuracyOptions, PerturbationOptions):
    """How the question is changed, and which metrics of `qa-accuracy` are compared."""


@attrs.frozen(kw_only=True)
class ClassificationAccuracySemanticRobustnessOptions(ClassificationAccuracyOptions, PerturbationOptions):
    """How the question is changed, and which labels there are."""


@attrs.frozen(kw_only=True)
class GeneralSemanticRobustnessOptions(BertscoreOptions, PerturbationOptions):
    """How the question is changed, and how the outputs are compared."""

    metrics: tuple[str, ...] = option(
        GENERAL_METRICS,
        help=f"which of {', '.join(GENERAL_METRICS)}; the first one decides",
        validator=some_of(GENERAL_METRICS),
    )
    num_baseline_samples: int = option(
        0,
        help="0 where the same question has one answer (temperature 0); else so many answers to the unchanged question, "
        "at least 2, whose differences are taken off (FMEval's number is 4)",
        validator=_samples,
    )

    @property
    def uses_bertscore(self) -> bool:
        """Whether it is among the metrics."""
        return "bertscore_dissimilarity" in self.metrics


_MODULE = "llmops_plugins.metrics.robustness.evaluators"
_SUMMARIZATION = next(card for card in SUMMARIZATION_CARDS if card.name == "summarization-accuracy")

CARDS = (
    EvaluatorCard(
        name="summarization-accuracy-semantic-robustness",
        summary="how ROUGE, METEOR and BERTScore change with typing errors in the question, as FMEval defines it",
        load=f"{_MODULE}:SummarizationAccuracySemanticRobustness",
        options=SummarizationAccuracySemanticRobustnessOptions,
        extra=_SUMMARIZATION.extra,
        requires=_SUMMARIZATION.requires,
        probes=True,
    ),
    EvaluatorCard(
        name="qa-accuracy-semantic-robustness",
        summary="how F1, exact match and the others change with typing errors in the question, as FMEval defines it",
        load=f"{_MODULE}:QAAccuracySemanticRobustness",
        options=QAAccuracySemanticRobustnessOptions,
        probes=True,
    ),
    EvaluatorCard(
        name="classification-accuracy-semantic-robustness",
        summary="how the label changes with typing errors in the question, as FMEval defines it",
        load=f"{_MODULE}:ClassificationAccuracySemanticRobustness",
        options=ClassificationAccuracySemanticRobustnessOptions,
        probes=True,
    ),
    EvaluatorCard(
        name="general-semantic-robustness",
        summary="how the output changes with typing errors in the question: word error rate and BERTScore, as in FMEval",
        load="llmops_plugins.metrics.robustness.general:GeneralSemanticRobustness",
        options=GeneralSemanticRobustnessOptions,
        probes=True,
    ),
)
