from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("transformers")
if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

import torch
from torch import Tensor

from llmops_plugins.local.engine.attention import Segment
from llmops_plugins.local.engine.openvino.graph import compile_model
from llmops_plugins.local.engine.openvino.passes import BLOCK, OpenVinoPasses
from llmops_plugins.local.weights.loading import load_model

LONG = [number * number % 900 for number in range(3 * BLOCK + 5)]


@pytest.fixture(scope="module")
def compiled(tiny_model: Path) -> object:
    return compile_model(load_model(tiny_model))


@pytest.fixture
def passes(compiled: tuple[object, dict[int, int | None]]) -> OpenVinoPasses:
    return OpenVinoPasses(*compiled)


def add(passes: OpenVinoPasses, row: int, tokens: list[int], past: int = 0) -> Tensor:
    """Add tokens to one row; return the logits after the last."""
    positions = range(past, past + len(tokens))
    return passes.compute(tokens, positions, [len(tokens) - 1], [Segment(row, 0, len(tokens), past)])


def test_a_row_may_be_computed_in_parts(passes: OpenVinoPasses) -> None:
    """Parts that end inside a block, at its end or after it give the logits of the whole."""
    passes.reserve(2, 200)
    whole = add(passes, 0, LONG)
    for cut in (1, BLOCK - 1, BLOCK, BLOCK + 1, len(LONG) - 1):
        passes.share(1, 1, 0)
        add(passes, 1, LONG[:cut])
        assert torch.allclose(whole, add(passes, 1, LONG[cut:], cut), atol=1e-4)


def test_a_shared_prefix_is_whole_blocks_that_are_never_written(passes: OpenVinoPasses) -> None:
    """A row that continues another's prefix differently leaves it unchanged, also after that row's end."""
    passes.reserve(3, 200)
    add(passes, 0, LONG)
    assert 2 * BLOCK == passes.share(0, 1, 3 * BLOCK - 1)
    other = add(passes, 1, [7, 8, 9], 2 * BLOCK)
    alone = add(passes, 2, [*LONG[: 2 * BLOCK], 7, 8, 9])
    assert torch.allclose(alone, other, atol=1e-4)
    assert 0 == passes.share(0, 0, 0)
    assert torch.allclose(add(passes, 2, [4], 2 * BLOCK + 3), add(passes, 1, [4], 2 * BLOCK + 3), atol=1e-4)


def test_more_room_keeps_the_content_of_rows(passes: OpenVinoPasses) -> None:
    """The blocks are copied into larger caches; a moved row continues where it was."""
    passes.reserve(1, len(LONG) + 2)
    add(passes, 0, LONG)
    expected = add(passes, 0, [3], len(LONG))
    passes.reserve(4, 900)
    passes.move(0, 3, len(LONG))
    assert torch.allclose(expected, add(passes, 3, [3], len(LONG)), atol=1e-4)


def test_rows_that_are_not_in_use_give_their_blocks_back(passes: OpenVinoPasses) -> None:
    """The memory is what the rows in use need, however many there were before."""
    assert (2, 2 * 4 * BLOCK) == passes.reserve(2, 4 * BLOCK)
    add(passes, 0, LONG)
    add(passes, 1, LONG)
    assert (2, 8 * BLOCK) == passes.reserve(1, 8 * BLOCK)
    longer = (LONG * 3)[: 7 * BLOCK]
    passes.share(0, 0, 0)
    assert add(passes, 0, longer).isfinite().all()
    assert 0 == passes.share(1, 0, BLOCK)


def test_a_position_takes_its_keys_and_values_of_all_layers(passes: OpenVinoPasses, tiny_model: Path) -> None:
    """In float32."""
    config = load_model(tiny_model).config
    width = config.hidden_size // config.num_attention_heads
    assert config.num_hidden_layers * 2 * config.num_key_value_heads * width * 4 == passes.bytes_per_position
