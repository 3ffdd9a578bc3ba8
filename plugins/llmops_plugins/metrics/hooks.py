"""The cards of the metrics plugin, with their options. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs import validators

from llmops_sdk import Asset, Check, EvaluatorCard, hookimpl, option

ROUGE_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SUMMARIZATION_METRICS = (*ROUGE_METRICS, "meteor", "bertscore")
QA_METRICS = ("f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words")

# The layer at which BERTScore's authors found the best agreement with people, for the encoders FMEval offers and for
# the one BERTScore's own tests use. MiniLM is not among their models; its last layer is taken.
BERTSCORE_LAYERS = {
    "minilm": 6,
    "microsoft/deberta-xlarge-mnli": 40,
    "roberta-large-mnli": 19,
    "FacebookAI/roberta-large-mnli": 19,
    "roberta-large": 17,
    "FacebookAI/roberta-large": 17,
}


def _some_of(known: tuple[str, ...]) -> Callable[[Any, Any, tuple[str, ...]], None]:
    """Validate metric names: some, known, none twice."""

    def check(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
        unknown = [name for name in value if name not in known]
        if unknown:
            message = f"no metric is called {unknown[0]!r}; known: {', '.join(known)}"
            raise ValueError(message)
        if not value or len(set(value)) < len(value):
            message = f"metrics are one or more of {', '.join(known)}, each once; the first one decides"
            raise ValueError(message)

    return check


@attrs.frozen(kw_only=True)
class SummarizationAccuracyOptions:
    """Which metrics compare a summary with its reference, and how."""

    metrics: tuple[str, ...] = option(
        ("rougeL", "meteor", "rouge1", "rouge2", "bertscore"),
        help=f"which of {', '.join(SUMMARIZATION_METRICS)}; the first one decides",
        validator=_some_of(SUMMARIZATION_METRICS),
    )
    reference: str = option(
        "response", help="the record's field that holds the reference", validator=validators.min_len(1)
    )
    use_stemmer: bool = option(True, help="compare word stems in ROUGE (FMEval's default)")
    bertscore_model: str = option(
        "minilm",
        help="the encoder: the asset 'minilm', a folder, or a hub id (FMEval's are microsoft/deberta-xlarge-mnli, its "
        "default, and roberta-large-mnli)",
        validator=validators.min_len(1),
    )
    bertscore_layers: int | None = option(
        None,
        help="the encoder's layer that is compared; known for 'minilm' and FMEval's encoders",
        validator=validators.optional(validators.ge(1)),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse an encoder whose layer nobody knows, before a run is under way."""
        if "bertscore" in self.metrics and self.layers is None:
            message = (
                f"bertscore_layers is needed for the encoder {self.bertscore_model!r}: how many of its layers are used; "
                f"it is known for {', '.join(BERTSCORE_LAYERS)}"
            )
            raise ValueError(message)

    @property
    def layers(self) -> int | None:
        """The encoder's layer: the option, else the known one."""
        if self.bertscore_layers is not None:
            return self.bertscore_layers
        return BERTSCORE_LAYERS.get(self.bertscore_model)

    def assets(self) -> tuple[str, ...]:
        """Return the assets these metrics need."""
        from llmops_plugins.metrics.assets import MINILM, PUNKT, WORDNET

        meteor = (WORDNET, PUNKT) if "meteor" in self.metrics else ()
        encoder = (MINILM,) if "bertscore" in self.metrics and self.bertscore_model == MINILM else ()
        return (*meteor, *encoder)


@attrs.frozen(kw_only=True)
class QAAccuracyOptions:
    """Which metrics compare an answer with the accepted ones."""

    metrics: tuple[str, ...] = option(
        QA_METRICS, help=f"which of {', '.join(QA_METRICS)}; the first one decides", validator=_some_of(QA_METRICS)
    )
    reference: str = option(
        "response", help="the record's field that holds the accepted answers", validator=validators.min_len(1)
    )
    delimiter: str = option("<OR>", help="stands between accepted answers; empty where the reference is one answer")


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard, ...]:
    """Return the evaluators."""
    return (
        EvaluatorCard(
            name="summarization-accuracy",
            summary="ROUGE, METEOR and BERTScore against a reference, with FMEval's definitions and values",
            load="llmops_plugins.metrics.summarization:SummarizationAccuracy",
            options=SummarizationAccuracyOptions,
            extra="metrics",
            requires=("nltk", "rouge_score", "torch", "transformers"),
        ),
        EvaluatorCard(
            name="qa-accuracy",
            summary="F1, exact match, precision and recall over words, with FMEval's definitions and values",
            load="llmops_plugins.metrics.qa:QAAccuracy",
            options=QAAccuracyOptions,
        ),
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return WordNet, NLTK's sentence model, and the small encoder."""
    from llmops_plugins.metrics.assets import metrics_assets

    return metrics_assets()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return what `llmops doctor` should look at."""
    from llmops_plugins.metrics.checks import checks

    return checks()
