"""The encoder behind BERTScore: a text's tokens, and one unit vector per token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.plugin import SpecError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@attrs.frozen(eq=False)
class Embedding:
    """A text as the encoder sees it.

    Attributes:
        vectors: One unit vector per token, shape (tokens, width), single precision.
        counted: Which tokens count towards a score: all except the separators; shape (tokens,).
    """

    vectors: npt.NDArray[np.float32]
    counted: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Return the bytes of the vectors."""
        return self.vectors.nbytes


class Encoder(ABC):
    """The first layers of a transformer encoder, cut as bert_score cuts it.

    Attributes:
        engine: The libraries that compute it, with their versions.
        max_tokens: The longest text it takes, in tokens, including separators.
    """

    engine: str
    max_tokens: int

    @abstractmethod
    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text with its separators, cut to what the encoder takes."""

    @abstractmethod
    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        """Return the embedding of each distinct text."""


def check_layer(layer: int, layers: int) -> None:
    """Refuse a layer that the encoder does not have.

    Raises:
        SpecError: It has fewer.
    """
    if not 1 <= layer <= layers:
        message = f"bertscore_layers={layer} is not a layer of this encoder; it has 1 to {layers}"
        raise SpecError(message)
