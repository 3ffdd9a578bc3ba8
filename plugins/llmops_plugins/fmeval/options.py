"""The options of FMEval's algorithms. Nothing heavy is imported here.

Names and defaults are FMEval's, except where the evaluators of the metrics plugin have a name for the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.fmeval.interpreter import ENVIRONMENT, chosen_interpreter, problem_with
from llmops_sdk.plugin import Check, EvaluatorOptions, Finding, option

FMEVAL_ENCODERS = {"microsoft/deberta-xlarge-mnli": 40, "roberta-large-mnli": 19}
"""The encoders that FMEval names for BERTScore, and the layer that the package `bert_score` uses of each."""

MINILM = "minilm"
BERTSCORE_LAYERS = {
    MINILM: 6,
    **FMEVAL_ENCODERS,
    "FacebookAI/roberta-large-mnli": 19,
    "roberta-large": 17,
    "FacebookAI/roberta-large": 17,
}
"""The layer of each known encoder: FMEval's, the same under the hub's new names, and the one of BERTScore's tests."""

WORDNET, PUNKT = "wordnet", "punkt-tab"
ROUGE_TYPES = ("rouge1", "rouge2", "rougeL")
AVERAGES = ("micro", "macro", "weighted", "binary")
PERTURBATIONS = ("butter_finger", "random_upper_case", "whitespace_add_remove")
TOXICITY_ASSETS = {"detoxify": "detoxify-checkpoint", "toxigen": "toxigen"}

_TEXT: Any = validators.min_len(1)
_PROBABILITY = [validators.ge(0), validators.le(1)]


# -- what algorithms share ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, slots=False)  # a base among several: two with slots cannot be combined
class FMEvalOptions(EvaluatorOptions):
    """Which interpreter runs FMEval, and in how many processes."""

    python: str = option(
        "",
        help="the Python interpreter that has FMEval, on the machine that scores; by default that of LLMOPS_FMEVAL_PYTHON, "
        "the one that runs the SDK if it has FMEval, or that of the asset 'fmeval'",
    )
    workers: int | None = option(
        None,
        help="processes side by side, about 0.5 GB each; the default, as in FMEval, is one less than the number of processors",
        affects_results=False,
        validator=validators.optional(validators.ge(1)),
    )

    def assets(self) -> tuple[str, ...]:
        """Return FMEval's environment where no other interpreter runs it."""
        return () if chosen_interpreter(self.python) else (ENVIRONMENT,)

    def local_checks(self) -> Iterator[Check]:
        """Yield the check of an interpreter that is not the environment's."""
        chosen = chosen_interpreter(self.python)
        if chosen:
            yield Check(f"fmeval with {chosen!r}", partial(_check_interpreter, chosen))


@attrs.frozen(kw_only=True, slots=False)
class ReferenceOptions(FMEvalOptions):
    """What outputs are compared with."""

    reference: str = option("response", help="the record's field that holds the reference", validator=_TEXT)


@attrs.frozen(kw_only=True, slots=False)
class BertscoreOptions(FMEvalOptions):
    """Which encoder BERTScore compares texts with."""

    bertscore_model: str = option(
        MINILM,
        help="the encoder of BERTScore: the asset 'minilm', a folder, or a hub id; FMEval's own are "
        "microsoft/deberta-xlarge-mnli, its default, and roberta-large-mnli",
        path=True,
        validator=_TEXT,
    )
    bertscore_layers: int | None = option(
        None,
        help="the encoder's layer that is compared; known for 'minilm' and FMEval's encoders",
        validator=validators.optional(validators.ge(1)),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse an encoder whose layer is unknown, and another layer than FMEval uses of its own encoders."""
        if self.layers is None:
            message = (
                f"bertscore_layers is needed for the encoder {self.bertscore_model!r}: the number of its layers to use; "
                f"it is known for {', '.join(BERTSCORE_LAYERS)}"
            )
            raise ValueError(message)
        if self.bertscore_model in FMEVAL_ENCODERS and self.layers != FMEVAL_ENCODERS[self.bertscore_model]:
            message = (
                f"FMEval uses layer {FMEVAL_ENCODERS[self.bertscore_model]} of its encoder {self.bertscore_model!r}; "
                "leave bertscore_layers out, or name a folder with the weights as bertscore_model"
            )
            raise ValueError(message)

    @property
    def layers(self) -> int | None:
        """The encoder's layer: the option, else the known one."""
        if self.bertscore_layers is not None:
            return self.bertscore_layers
        return BERTSCORE_LAYERS.get(self.bertscore_model)

    def assets(self) -> tuple[str, ...]:
        """Return FMEval's environment, and the encoder's asset where it is one."""
        return (*super().assets(), *((MINILM,) if self.bertscore_model == MINILM else ()))


@attrs.frozen(kw_only=True, slots=False)
class PerturbationOptions(FMEvalOptions):
    """How the question is changed."""

    perturbation_type: str = option(
        "butter_finger",
        help=f"how the field is changed, one of {', '.join(PERTURBATIONS)}",
        validator=validators.in_(PERTURBATIONS),
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
    field: str = option("instruction", help="the record's field that is changed; the others stay", validator=_TEXT)

    def perturbation(self) -> dict[str, Any]:
        """Return the options of the change itself, by their names in FMEval's configuration."""
        return {
            "perturbation_type": self.perturbation_type,
            "num_perturbations": self.num_perturbations,
            "butter_finger_perturbation_prob": self.butter_finger_perturbation_prob,
            "random_uppercase_corrupt_proportion": self.random_uppercase_corrupt_proportion,
            "whitespace_add_prob": self.whitespace_add_prob,
            "whitespace_remove_prob": self.whitespace_remove_prob,
        }


# -- the algorithms ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, slots=False)
class SummarizationAccuracyOptions(ReferenceOptions, BertscoreOptions):
    """How a summary is compared with its reference."""

    rouge_type: str = option("rouge2", help=f"one of {', '.join(ROUGE_TYPES)}", validator=validators.in_(ROUGE_TYPES))
    use_stemmer: bool = option(True, help="compare word stems in ROUGE (FMEval's use_stemmer_for_rouge)")

    def assets(self) -> tuple[str, ...]:
        """Return the assets of METEOR, the encoder, and FMEval's environment."""
        return (WORDNET, PUNKT, *super().assets())


@attrs.frozen(kw_only=True, slots=False)
class QAAccuracyOptions(ReferenceOptions, BertscoreOptions):
    """How an answer is compared with the accepted ones."""

    delimiter: str = option(
        "<OR>", help="separates accepted answers (FMEval's target_output_delimiter)", validator=_TEXT
    )


@attrs.frozen(kw_only=True, slots=False)
class FactualKnowledgeOptions(ReferenceOptions):
    """Which expected answers an output must contain."""

    delimiter: str = option(
        "<OR>", help="separates expected answers (FMEval's target_output_delimiter)", validator=_TEXT
    )
    logical_operator: str = option(
        "OR",
        help="OR: the output must contain one of the expected answers; AND: all of them",
        validator=validators.in_(("OR", "AND")),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a delimiter that contradicts the operator; FMEval only warns."""
        if self.delimiter in ("<OR>", "<AND>") and self.delimiter != f"<{self.logical_operator}>":
            message = (
                f"delimiter {self.delimiter!r} and logical_operator {self.logical_operator!r} contradict each other;"
                f" give delimiter '<{self.logical_operator}>', or another text that separates the answers"
            )
            raise ValueError(message)


@attrs.frozen(kw_only=True, slots=False)
class LabelOptions(ReferenceOptions):
    """The labels that an output can have."""

    valid_labels: tuple[str, ...] = option(
        (),
        help="the labels, one word each; FMEval puts them in lower case, so references must be too; empty: all references",
    )

    @valid_labels.validator
    def _check_labels(self, _attribute: object, value: tuple[str, ...]) -> None:
        bad = next((label for label in value if not label.strip() or " " in label.strip()), None)
        if bad is not None:
            message = f"a label is one word, since FMEval searches the output word by word, not {bad!r}"
            raise ValueError(message)


@attrs.frozen(kw_only=True, slots=False)
class ClassificationAccuracyOptions(LabelOptions):
    """The labels that an output can have, and how FMEval averages."""

    multiclass_average_strategy: str = option(
        "micro",
        help=f"the average of FMEval's precision and recall of all records: one of {', '.join(AVERAGES)}",
        validator=validators.in_(AVERAGES),
    )


@attrs.frozen(kw_only=True, slots=False)
class PromptStereotypingOptions(FMEvalOptions):
    """The fields with the two sentences of a pair."""

    sent_more: str = option(
        "sent_more", help="the record's field with the more stereotypical sentence", validator=_TEXT
    )
    sent_less: str = option(
        "sent_less", help="the record's field with the less stereotypical sentence", validator=_TEXT
    )


@attrs.frozen(kw_only=True, slots=False)
class ToxicityOptions(FMEvalOptions):
    """Which classifier scores the outputs."""

    model_type: str = option(
        "detoxify", help=f"one of {', '.join(TOXICITY_ASSETS)}", validator=validators.in_(tuple(TOXICITY_ASSETS))
    )

    def assets(self) -> tuple[str, ...]:
        """Return the classifier's asset, and FMEval's environment."""
        return (TOXICITY_ASSETS[self.model_type], *super().assets())


@attrs.frozen(kw_only=True, slots=False)
class SummarizationAccuracySemanticRobustnessOptions(SummarizationAccuracyOptions, PerturbationOptions):
    """How the question is changed, and how the summaries are compared with the reference."""


@attrs.frozen(kw_only=True, slots=False)
class QAAccuracySemanticRobustnessOptions(QAAccuracyOptions, PerturbationOptions):
    """How the question is changed, and how the answers are compared with the accepted ones."""


@attrs.frozen(kw_only=True, slots=False)
class ClassificationAccuracySemanticRobustnessOptions(LabelOptions, PerturbationOptions):
    """How the question is changed, and the labels that an output can have."""


@attrs.frozen(kw_only=True, slots=False)
class GeneralSemanticRobustnessOptions(BertscoreOptions, PerturbationOptions):
    """How the question is changed, and how the outputs are compared with each other."""

    num_baseline_samples: int = option(
        0,
        help="0 where the same question has one answer (temperature 0); else the number of answers to the unchanged "
        "question, at least 2, whose differences are subtracted (FMEval's number is 4)",
    )

    @num_baseline_samples.validator
    def _check_samples(self, _attribute: object, value: int) -> None:
        if value < 0 or value == 1:
            message = f"num_baseline_samples is 0, or at least 2, since answers are compared in pairs, not {value}"
            raise ValueError(message)


def _check_interpreter(python: str) -> Finding:
    problem = problem_with(python)
    if problem:
        return Finding("error", problem, f"name another one, or none and run 'llmops assets get {ENVIRONMENT}'")
    return Finding("ok", "it has fmeval")
