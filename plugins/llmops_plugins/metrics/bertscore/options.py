"""The options of every evaluator that may ask for BERTScore. Nothing heavy is imported here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec

import attrs
from attrs import validators

from llmops_sdk.plugin import Options, install_hint, option

MINILM = "minilm"

# The layer at which BERTScore's authors found the best agreement with people, for the encoders FMEval offers and for
# the one BERTScore's own tests use. MiniLM is not among their models; its last layer is taken.
BERTSCORE_LAYERS = {
    MINILM: 6,
    "microsoft/deberta-xlarge-mnli": 40,
    "roberta-large-mnli": 19,
    "FacebookAI/roberta-large-mnli": 19,
    "roberta-large": 17,
    "FacebookAI/roberta-large": 17,
}


@attrs.frozen(kw_only=True, slots=False)  # a base among several: two with slots cannot be combined
class BertscoreOptions(Options, ABC):
    """Which encoder BERTScore compares texts with, where it is asked for."""

    bertscore_model: str = option(
        MINILM,
        help="the encoder of BERTScore: the asset 'minilm', a folder, or a hub id (FMEval's are "
        "microsoft/deberta-xlarge-mnli, its default, and roberta-large-mnli)",
        path=True,
        validator=validators.min_len(1),
    )
    bertscore_layers: int | None = option(
        None,
        help="the encoder's layer that is compared; known for 'minilm' and FMEval's encoders",
        validator=validators.optional(validators.ge(1)),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse an encoder whose layer is unknown, or that no installed engine can compute, before a run starts."""
        if self.uses_bertscore and not any(find_spec(engine) for engine in ("onnxruntime", "torch")):
            message = f"BERTScore needs onnxruntime: {install_hint('metrics')}"
            raise ValueError(message)
        if self.uses_bertscore and self.layers is None:
            message = (
                f"bertscore_layers is needed for the encoder {self.bertscore_model!r}: the number of its layers to use; "
                f"it is known for {', '.join(BERTSCORE_LAYERS)}"
            )
            raise ValueError(message)

    @property
    @abstractmethod
    def uses_bertscore(self) -> bool:
        """Whether one of the metrics needs the encoder."""

    @property
    def layers(self) -> int | None:
        """The encoder's layer: the option, else the known one."""
        if self.bertscore_layers is not None:
            return self.bertscore_layers
        return BERTSCORE_LAYERS.get(self.bertscore_model)

    def assets(self) -> tuple[str, ...]:
        """Return the encoder's asset where it is needed."""
        return (MINILM,) if self.uses_bertscore and self.bertscore_model == MINILM else ()


@attrs.frozen(kw_only=True)
class MinilmOptions(Options):
    """The retriever `minilm` has no option."""

    def __attrs_post_init__(self) -> None:
        """Refuse the encoder where no installed engine can compute it, before a run starts."""
        if not any(find_spec(engine) for engine in ("onnxruntime", "torch")):
            message = f"the retriever {MINILM!r} needs onnxruntime: {install_hint('metrics')}"
            raise ValueError(message)

    def assets(self) -> tuple[str, ...]:
        """Return the encoder's asset."""
        return (MINILM,)
