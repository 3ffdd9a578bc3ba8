"""The card and the options of `summarization-accuracy`. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.options import some_of
from llmops_sdk import EvaluatorCard, option

ROUGE_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SUMMARIZATION_METRICS = (*ROUGE_METRICS, "meteor", "bertscore")

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


@attrs.frozen(kw_only=True)
class SummarizationAccuracyOptions:
    """Which metrics compare a summary with its reference, and how."""

    metrics: tuple[str, ...] = option(
        ("rougeL", "meteor", "rouge1", "rouge2", "bertscore"),
        help=f"which of {', '.join(SUMMARIZATION_METRICS)}; the first one decides",
        validator=some_of(SUMMARIZATION_METRICS),
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


CARDS = (
    EvaluatorCard(
        name="summarization-accuracy",
        summary="ROUGE, METEOR and BERTScore against a reference, with FMEval's definitions and values",
        load="llmops_plugins.metrics.summarization:SummarizationAccuracy",
        options=SummarizationAccuracyOptions,
        extra="metrics",
        requires=("regex", "rouge_score"),  # and for BERTScore onnxruntime, or else torch and transformers
    ),
)
