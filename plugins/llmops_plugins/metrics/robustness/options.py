"""The options of the evaluators that ask a changed question again. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.bertscore.options import BertscoreOptions
from llmops_plugins.metrics.tasks.options import (
    ClassificationAccuracyOptions,
    QAAccuracyOptions,
    SummarizationAccuracyOptions,
)
from llmops_plugins.metrics.validators import one_of, some_of
from llmops_sdk.plugin import Options, option

PERTURBATIONS = ("butter_finger", "random_upper_case", "whitespace_add_remove")
GENERAL_METRICS = ("word_error_rate", "bertscore_dissimilarity")

_PROBABILITY = [validators.ge(0), validators.le(1)]


def _samples(_options: object, _attribute: object, value: int) -> None:
    if value < 0 or value == 1:
        message = f"num_baseline_samples is 0, or at least 2, since answers are compared in pairs, not {value}"
        raise ValueError(message)


@attrs.frozen(kw_only=True, slots=False)  # a base among several: two with slots cannot be combined
class PerturbationOptions(Options):
    """How the question is changed. Names and defaults are FMEval's."""

    perturbation_type: str = option(
        "butter_finger",
        help=f"how the field is changed, one of {', '.join(PERTURBATIONS)}",
        validator=one_of(PERTURBATIONS),
    )
    num_perturbations: int = option(
        5, help="changed copies of each record; each one is another question to the model", validator=validators.ge(1)
    )
    butter_finger_perturbation_prob: float = option(
        0.1, help="butter_finger: the probability that a letter is mistyped", validator=_PROBABILITY
    )
    random_uppercase_corrupt_proportion: float = option(
        0.1, help="random_upper_case: the share of the characters put in upper case", validator=_PROBABILITY
    )
    whitespace_add_prob: float = option(
        0.05, help="whitespace_add_remove: the probability of a space after a character", validator=_PROBABILITY
    )
    whitespace_remove_prob: float = option(
        0.1, help="whitespace_add_remove: the probability that a space is removed", validator=_PROBABILITY
    )
    field: str = option(
        "instruction", help="the record's field that is changed; the others stay", validator=validators.min_len(1)
    )
    seed: int = option(5, help="the seed of the random changes, the same for every record", validator=validators.ge(0))


@attrs.frozen(kw_only=True)
class SummarizationAccuracySemanticRobustnessOptions(SummarizationAccuracyOptions, PerturbationOptions):
    """How the question is changed, and which metrics of `summarization-accuracy` are compared."""


@attrs.frozen(kw_only=True)
class QAAccuracySemanticRobustnessOptions(QAAccuracyOptions, PerturbationOptions):
    """How the question is changed, and which metrics of `qa-accuracy` are compared."""


@attrs.frozen(kw_only=True)
class ClassificationAccuracySemanticRobustnessOptions(ClassificationAccuracyOptions, PerturbationOptions):
    """How the question is changed, and the labels that an output can have."""


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
        help="0 where the same question has one answer (temperature 0); else the number of answers to the unchanged "
        "question, at least 2, whose differences are subtracted (FMEval's number is 4)",
        validator=_samples,
    )

    @property
    def uses_bertscore(self) -> bool:
        """Whether it is among the metrics."""
        return "bertscore_dissimilarity" in self.metrics
