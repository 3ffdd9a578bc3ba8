"""The card and the options of `summarization-accuracy`. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.bertscore.options import BertscoreOptions
from llmops_plugins.metrics.options import some_of
from llmops_sdk.plugin import EvaluatorCard, option

ROUGE_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SUMMARIZATION_METRICS = (*ROUGE_METRICS, "meteor", "bertscore")


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
        from llmops_plugins.metrics.assets import PUNKT, WORDNET

        meteor = (WORDNET, PUNKT) if "meteor" in self.metrics else ()
        return (*meteor, *super().assets())


CARDS = (
    EvaluatorCard(
        name="summarization-accuracy",
        summary="ROUGE, METEOR and BERTScore against a reference, with FMEval's definitions and values",
        load="llmops_plugins.metrics.tasks.summarization:SummarizationAccuracy",
        options=SummarizationAccuracyOptions,
        extra="metrics",
        requires=("regex", "rouge_score"),  # and for BERTScore onnxruntime, or else torch and transformers
    ),
)
