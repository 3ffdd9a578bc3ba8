"""The options of the evaluators for one task each. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.bertscore.options import BertscoreOptions
from llmops_plugins.metrics.validators import one_of, some_of
from llmops_sdk.plugin import Options, option

ROUGE_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SUMMARIZATION_METRICS = (*ROUGE_METRICS, "meteor", "bertscore")
WORD_METRICS = ("f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words")
QA_METRICS = (*WORD_METRICS, "bertscore")
FACTUAL_METRICS = ("factual_knowledge", "factual_knowledge_quasi_exact")


@attrs.frozen(kw_only=True)
class SummarizationAccuracyOptions(BertscoreOptions):
    """Which metrics compare a summary with its reference, and how."""

    metrics: tuple[str, ...] = option(
        ("rougeL", "meteor", "rouge1", "rouge2", "bertscore"),
        help=f"which of {', '.join(SUMMARIZATION_METRICS)}; the first one decides",
        validator=some_of(SUMMARIZATION_METRICS),
    )
    reference: str = option(
        "response",
        help="the record's field that holds the reference: a text, or a list of texts that are all as good",
        validator=validators.min_len(1),
    )
    use_stemmer: bool = option(True, help="compare word stems in ROUGE (FMEval's default)")

    @property
    def uses_bertscore(self) -> bool:
        """Whether it is among the metrics."""
        return "bertscore" in self.metrics

    def assets(self) -> tuple[str, ...]:
        """Return the assets these metrics need."""
        from llmops_plugins.metrics.meteor.assets import PUNKT, WORDNET

        meteor = (WORDNET, PUNKT) if "meteor" in self.metrics else ()
        return (*meteor, *super().assets())


@attrs.frozen(kw_only=True)
class QAAccuracyOptions(BertscoreOptions):
    """Which metrics compare an answer with the accepted ones."""

    metrics: tuple[str, ...] = option(
        WORD_METRICS, help=f"which of {', '.join(QA_METRICS)}; the first one decides", validator=some_of(QA_METRICS)
    )
    reference: str = option(
        "response",
        help="the record's field that holds the accepted answers: a text, or a list of texts",
        validator=validators.min_len(1),
    )
    delimiter: str = option("<OR>", help="separates accepted answers; empty where the reference is one answer")

    @property
    def uses_bertscore(self) -> bool:
        """Whether it is among the metrics; it is off by default, since it takes most of the time."""
        return "bertscore" in self.metrics


@attrs.frozen(kw_only=True)
class FactualKnowledgeOptions(Options):
    """Which expected answers an output must contain."""

    metrics: tuple[str, ...] = option(
        FACTUAL_METRICS,
        help=f"which of {', '.join(FACTUAL_METRICS)}; the first one decides",
        validator=some_of(FACTUAL_METRICS),
    )
    reference: str = option(
        "response",
        help="the record's field that holds the expected answers: a text, or a list of texts",
        validator=validators.min_len(1),
    )
    delimiter: str = option("<OR>", help="separates expected answers; empty where the reference is one answer")
    logical_operator: str = option(
        "OR",
        help="OR: the output must contain one of the expected answers; AND: all of them",
        validator=one_of(("OR", "AND")),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a delimiter that contradicts the operator."""
        if self.delimiter in ("<OR>", "<AND>") and self.delimiter != f"<{self.logical_operator}>":
            message = (
                f"delimiter {self.delimiter!r} and logical_operator {self.logical_operator!r} contradict each other;"
                f" give delimiter '<{self.logical_operator}>', or another text that separates the answers"
            )
            raise ValueError(message)


def _labels(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
    for label in value:
        if not label.strip() or " " in label.strip():
            message = f"a label is one word, since the output is searched word by word, not {label!r}"
            raise ValueError(message)
    if len({label.lower().strip() for label in value}) < max(2, len(value)):
        message = "valid_labels are two or more different words; upper and lower case are the same"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class ClassificationAccuracyOptions(Options):
    """The labels that an output can have."""

    valid_labels: tuple[str, ...] = option(
        help="the labels, one word each; upper and lower case are the same", validator=_labels
    )
    reference: str = option(
        "response", help="the record's field that holds the true label", validator=validators.min_len(1)
    )


@attrs.frozen(kw_only=True)
class PromptStereotypingOptions(Options):
    """The fields with the two sentences of a pair."""

    sent_more: str = option(
        "sent_more", help="the record's field with the more stereotypical sentence", validator=validators.min_len(1)
    )
    sent_less: str = option(
        "sent_less", help="the record's field with the less stereotypical sentence", validator=validators.min_len(1)
    )
