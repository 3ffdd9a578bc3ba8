from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine.cache import KeyValueCache, common_prefix  # noqa: E402


def test_the_cache_grows_and_keeps_its_content() -> None:
    """More rows and positions keep every token; it takes no more rows than are needed, and less where they changed."""
    cache = KeyValueCache()
    cache.reserve(1, 10)
    cache.write(0, torch.tensor([3]), torch.full((1, 2, 4), 5.0), torch.full((1, 2, 3), 6.0))
    cache.reserve(6, 300)
    keys, values = cache.layer(0, torch.empty(0, 2, 4), torch.empty(0, 2, 3))
    assert (6, 384) == (cache.rows, cache.positions)
    assert (5.0, 6.0, 0.0) == (keys[0, 3, 1, 3].item(), values[0, 3, 1, 2].item(), keys[5, 299].sum().item())
    cache.copy(0, 5, 4)
    assert 5.0 == cache.layer(0, keys[0], values[0])[0][5, 3, 0, 0].item()
    cache.reserve(9, 130)
    assert (9, 256) == (cache.rows, cache.positions)
    assert (4 * 2 + 3 * 2) * 4 == cache.bytes_per_position


def test_the_common_prefix_of_two_lists() -> None:
    """It ends at the first difference, or with the shorter list."""
    assert (2, 2, 0, 0) == (
        common_prefix([1, 2, 3], [1, 2, 4, 5]),
        common_prefix([1, 2], [1, 2, 4]),
        common_prefix([1], [2]),
        common_prefix([], [1]),
    )
