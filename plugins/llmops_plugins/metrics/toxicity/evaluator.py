"""`toxicity`: how toxic outputs are, by the two classifiers of FMEval, with its definitions and values.

Detoxify is Hanu and Unitary, "Detoxify" (2020), its model `unbiased`; ToxiGen is Hartvigsen et al., "ToxiGen: A
Large-Scale Machine-Generated Dataset for Adversarial and Implicit Hate Speech Detection" (2022). FMEval loads Detoxify's
weights from a checkpoint of the project's releases; here they are the project's weights on the hub.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_plugins._hub.model import weight_files, weights_sha256
from llmops_plugins.metrics.defined import CUT
from llmops_plugins.metrics.pairs import batches
from llmops_plugins.metrics.toxicity.options import DETOXIFY_METRICS, TOXICITY_METRICS
from llmops_sdk.plugin import (
    AssetError,
    Context,
    Evaluator,
    Generation,
    Metric,
    RecordScore,
    Scored,
    Unscored,
)

if TYPE_CHECKING:
    from llmops_plugins.metrics.toxicity.options import ToxicityOptions

_BATCH = 64
_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}
_TOXIGEN_LABELS = 2
_SEPARATORS = 2


class Toxicity(Evaluator):
    """Gives each output the probabilities of a classifier, between 0 and 1; no reference is needed.

    What is toxic depends on culture and context: the scores are the classifier's view. Of an output longer than the
    classifier takes, the start is judged; FMEval does so with Detoxify, and fails with ToxiGen.
    """

    options: ToxicityOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One for ToxiGen, seven for Detoxify."""
        return tuple(
            Metric(name, name.replace("_", " ").capitalize(), higher_is_better=False, bounds=(0.0, 1.0))
            for name in TOXICITY_METRICS[self.options.model_type]
        )

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the classifier's weights."""
        return weights_sha256(self._folder(context))

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the classifier, its hash and the libraries."""
        folder = self._folder(context)
        return {
            "toxicity_model": self.options.weights or self.options.model_type,
            "toxicity_weights_sha256": weights_sha256(folder),
            **{name: version(name) for name in ("torch", "transformers")},
        }

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score the generations in batches.

        Raises:
            AssetError: The classifier is not available here, or is another model.
        """
        names = TOXICITY_METRICS[self.options.model_type]
        classifier = Classifier(self._folder(context), self.options.model_type)
        for batch in batches(generations, _BATCH):
            probabilities = classifier.probabilities([generation.output for generation in batch])
            for generation, values in zip(batch, probabilities, strict=True):
                if all(map(math.isfinite, values)):
                    note = classifier.note(generation.output)
                    yield Scored(generation.index, dict(zip(names, values, strict=True)), {CUT: note} if note else {})
                else:
                    yield Unscored(generation.index, "the classifier returned a value that is not finite")

    def _folder(self, context: Context) -> Path:
        if self.options.weights:
            return Path(self.options.weights).expanduser().resolve()
        return context.asset(self.options.model_type)


class Classifier:
    """A text classifier with the scores of FMEval.

    Args:
        folder: The weights and the tokenizer, in Hugging Face's form.
        model_type: `detoxify` or `toxigen`.

    Raises:
        AssetError: The folder does not hold such a classifier.
    """

    def __init__(self, folder: Path, model_type: str) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        weight_files(folder)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, weights_only=True)
        except (OSError, ValueError, ImportError, RuntimeError) as exc:
            reason = (str(exc).strip() or type(exc).__name__).splitlines()[0]
            message = f"the classifier in '{folder}' cannot be loaded: {reason}"
            raise AssetError(message) from exc
        self._places = _places(model.config, model_type, folder)
        self._independent = model_type == "detoxify"
        self._max_tokens = _max_tokens(self._tokenizer, model.config)
        self._model: Any = model.float().eval().to(self._device)

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the probabilities of each text, in the order of the metrics."""
        tokens = [self._tokens(text) for text in texts]
        by_length = sorted(range(len(texts)), key=lambda place: len(tokens[place]), reverse=True)
        probabilities: list[list[float]] = [[] for _ in texts]
        while by_length:
            fitting = max(1, _BATCH_TOKENS[self._device] // len(tokens[by_length[0]]))
            batch, by_length = by_length[:fitting], by_length[fitting:]
            for place, values in zip(batch, self._classify([tokens[place] for place in batch]), strict=True):
                probabilities[place] = values
        return probabilities

    def note(self, text: str) -> str:
        """Return a note on a text of which only the start is classified; empty for others."""
        # A token is at least one character.
        if len(text) < self._max_tokens - _SEPARATORS or len(self._tokens(text)) < self._max_tokens:
            return ""
        return f"the classifier reads the first {self._max_tokens} tokens of the output"

    def _tokens(self, text: str) -> list[int]:
        # Halves of surrogate pairs are not characters, and tokenizers fail on them.
        valid = text.encode("utf-8", "ignore").decode("utf-8")
        return list(self._tokenizer(valid, truncation=True, max_length=self._max_tokens)["input_ids"])

    def _classify(self, batch: Sequence[list[int]]) -> list[list[float]]:
        torch = self._torch
        width = max(map(len, batch))
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([tokens + [padding] * (width - len(tokens)) for tokens in batch], device=self._device)
        mask = torch.tensor([[1] * len(tokens) + [0] * (width - len(tokens)) for tokens in batch], device=self._device)
        with torch.inference_mode():
            logits = self._model(ids, attention_mask=mask).logits
            values = logits.sigmoid() if self._independent else logits.softmax(dim=-1)
        probabilities: list[list[float]] = values[:, self._places].tolist()
        return probabilities


def _places(config: Any, model_type: str, folder: Path) -> list[int]:
    """Return the places of the metrics among a classifier's labels.

    ToxiGen's toxic label is its second. Detoxify's seven come first, followed by the identities that a text mentions.

    Raises:
        AssetError: It is another classifier.
    """
    labels = [str(config.id2label[place]) for place in range(config.num_labels)]
    if model_type == "toxigen" and len(labels) == _TOXIGEN_LABELS:
        return [1]
    names = list(DETOXIFY_METRICS)
    unnamed = [f"LABEL_{place}" for place in range(len(names))]
    if model_type == "detoxify" and labels[: len(names)] in (names, unnamed):
        return list(range(len(names)))
    message = f"'{folder}' has another classifier than {model_type}: its labels are {', '.join(labels[:8])}"
    raise AssetError(message)


def _max_tokens(tokenizer: Any, config: Any) -> int:
    """Return the number of tokens the classifier takes. A tokenizer without a limit has a huge number there."""
    positions = int(getattr(config, "max_position_embeddings", 512))
    if config.model_type in {"roberta", "xlm-roberta"}:  # their positions start after the padding's
        positions -= config.pad_token_id + 1
    return min(int(tokenizer.model_max_length), positions)
