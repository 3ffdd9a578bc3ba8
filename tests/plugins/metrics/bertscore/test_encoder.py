"""What an encoder is: its layers and the size of its embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_plugins.metrics.bertscore.encoder import Embedding, check_layer
from llmops_sdk import SpecError


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_a_layer_must_be_one_of_the_encoders(layer: int) -> None:
    """Layers are counted from 1."""
    check_layer(1, 3)
    check_layer(3, 3)
    with pytest.raises(SpecError, match=rf"bertscore_layers={layer} is not a layer of this encoder; it has 1 to 3"):
        check_layer(layer, 3)


def test_the_size_of_an_embedding_is_that_of_its_vectors() -> None:
    """In bytes: tokens, times width, times 4."""
    embedding = Embedding(np.zeros((5, 32), np.float32), np.ones(5, bool))

    assert 5 * 32 * 4 == embedding.size
