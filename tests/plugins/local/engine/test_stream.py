from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer

from llmops_plugins.local.engine.stream import TextStream
from llmops_plugins.local.engine.text import StopConditions, TextCodec

TEXT = "A town on a r\u00edver \N{FACE WITH TEARS OF JOY} has three bridges. STOP was never built."


@pytest.fixture(name="codec")
def _codec(tiny_model: Path) -> TextCodec:
    return TextCodec(AutoTokenizer.from_pretrained(tiny_model), frozenset())


def pieces(codec: TextCodec, tokens: list[int], *stops: str, step: int = 1) -> list[str]:
    """What a stream returns for tokens, some at a time."""
    stream = TextStream(StopConditions(codec, frozenset(), stops))
    return [stream.add(tokens[start : start + step]) for start in range(0, len(tokens), step)]


@pytest.mark.parametrize("step", [1, 2, 5])
def test_the_pieces_are_the_text(codec: TextCodec, step: int) -> None:
    """No piece ends in the middle of a character; a special token brings no text."""
    tokens: Any = codec.encode(f"{TEXT[:20]}<|im_start|>{TEXT[20:]}")
    texts = pieces(codec, tokens, step=step)
    assert TEXT == "".join(texts)
    assert len(list(filter(None, texts))) > 20 / step


def test_what_may_become_a_stop_string_is_held_back(codec: TextCodec) -> None:
    """Until it is certain that it does not: the end of a completion then cuts nothing that was sent."""
    tokens: Any = codec.encode(TEXT)
    until = next(number for number in range(len(tokens)) if codec.decode(tokens[:number]).endswith(" STOP"))
    held = "".join(pieces(codec, tokens[:until], "STOP at once", "s. STOP!"))
    assert TEXT[: TEXT.index("s. STOP")] == held
    assert TEXT == "".join(pieces(codec, tokens, "STOP at once", "s. STOP!"))
