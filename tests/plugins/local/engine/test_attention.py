from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine.attention import (  # noqa: E402
    DecodeAttention,
    PrefillAttention,
    RowAttention,
    Segment,
    UnsupportedModelError,
    install,
    using,
)
from llmops_plugins.local.engine.cache import KeyValueCache  # noqa: E402
from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest  # noqa: E402

from .reference import TEXTS, reference, texts  # noqa: E402


def test_one_very_long_row_among_short_ones(tiny_model: Path, engine: Engine) -> None:
    """They are padded to its length, which changes nothing."""
    prompts = [TEXTS[3] * 4, *TEXTS[:3], TEXTS[4]]
    assert [reference(tiny_model, prompt, 8) for prompt in prompts] == texts(
        engine.generate([GenerationRequest(prompt, max_new_tokens=8) for prompt in prompts])
    )


def plain_attention(query: Any, keys: Any, values: Any, window: int | None) -> Any:
    """Causal attention of one row, written out: `tokens x heads x width` in and out."""
    shared = query.shape[1] // keys.shape[1]
    keys, values = keys.repeat_interleave(shared, 1), values.repeat_interleave(shared, 1)
    products = torch.einsum("qhw,khw->hqk", query, keys) / query.shape[-1] ** 0.5
    distance = torch.arange(len(query))[:, None] - torch.arange(len(keys))
    visible = (distance >= 0) & (distance < (window or len(keys)))
    return torch.einsum("hqk,khw->qhw", products.masked_fill(~visible, float("-inf")).softmax(-1), values)


Row = tuple[Any, Any, Any]


def random_row(length: int) -> Row:
    """Queries (4 heads), keys and values (2 heads) of one row."""
    return torch.randn(length, 4, 8), torch.randn(length, 2, 8), torch.randn(length, 2, 8)


def part(row: Row, start: int, end: int | None = None) -> Row:
    """Some tokens of a row."""
    query, keys, values = (tensor[start:end] for tensor in row)
    return query, keys, values


def attend(attention: RowAttention, rows: list[Row], window: int | None) -> Any:
    """Pass the tokens of several rows as a model does, `1 x heads x tokens x width`; return `tokens x heads x width`."""
    query, keys, values = (torch.cat(tensors).transpose(0, 1)[None] for tensors in zip(*rows, strict=True))
    return attention.attend(0, query, keys, values, None, window)[0]


@pytest.mark.parametrize("window", [None, 3])
def test_a_prefill_in_several_passes_is_attention_of_each_row_alone(window: int | None) -> None:
    """Two rows in one pass, and then the rest of the first one, which reads its cached tokens."""
    torch.manual_seed(0)
    long, short = random_row(9), random_row(4)
    cache = KeyValueCache()
    cache.reserve(2, 9)

    both = PrefillAttention(cache, (Segment(0, 0, 5, 0), Segment(1, 5, 4, 0)))
    first = attend(both, [part(long, 0, 5), short], window)
    rest = PrefillAttention(cache, (Segment(0, 0, 4, 5),))
    second = attend(rest, [part(long, 5)], window)

    torch.testing.assert_close(torch.cat([first[:5], second]), plain_attention(*long, window))
    torch.testing.assert_close(first[5:], plain_attention(*short, window))


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("lengths", [(5,), (6, 5), (40, 2, 3)])
def test_a_step_is_attention_of_each_row_alone(lengths: tuple[int, ...], window: int | None) -> None:
    """The newest token of each row reads its own row only."""
    torch.manual_seed(0)
    rows = [random_row(length) for length in lengths]
    cache = KeyValueCache()
    cache.reserve(len(rows), max(lengths))
    segments = [Segment(number, sum(lengths[:number]) - number, length - 1, 0) for number, length in enumerate(lengths)]
    attend(PrefillAttention(cache, tuple(segments)), [part(row, 0, -1) for row in rows], window)

    step = DecodeAttention(cache, list(lengths), torch.device("cpu"))
    output = attend(step, [part(row, -1) for row in rows], window)

    for number, row in enumerate(rows):
        torch.testing.assert_close(output[number], plain_attention(*row, window)[-1])


def test_arguments_that_would_change_the_result_are_refused(tiny_model: Path) -> None:
    """A model that passes its attention something unknown, such as a cap on the logits, is not computed wrongly."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    install(model)
    cache = KeyValueCache()
    cache.reserve(1, 3)
    arguments = {"input_ids": torch.tensor([[3, 4, 5]]), "use_cache": False}
    with torch.inference_mode(), using(PrefillAttention(cache, (Segment(0, 0, 3, 0),))):
        assert model(**arguments).logits.isfinite().all()
        with pytest.raises(UnsupportedModelError, match="attention with softcap"):
            model(**arguments, softcap=30.0)
