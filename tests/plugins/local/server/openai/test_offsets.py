from __future__ import annotations

import pytest

pytest.importorskip("torch")

from llmops_plugins.local.engine.request import ScoredToken
from llmops_plugins.local.server.openai.offsets import TextOffsets


def token(data: bytes | str) -> ScoredToken:
    """A token with these bytes; a text is a special token."""
    if isinstance(data, str):
        return ScoredToken(0, data, None, None)
    return ScoredToken(0, data.decode(errors="replace"), data, None)


@pytest.mark.parametrize(
    ("text", "tokens", "starts"),
    [
        ("a town", [b"a", b" town"], [0, 1]),
        ("a town", ["<s>", b" a", b" town"], [0, 0, 1]),
        ("<s>a", ["<s>", b"a"], [0, 3]),
        ("caf\u00e9s", [b"caf", b"\xc3", b"\xa9", b"s"], [0, 3, 3, 4]),
    ],
)
def test_the_tokens_of_a_prompt_start_where_its_text_has_them(
    text: str, tokens: list[bytes | str], starts: list[int]
) -> None:
    """What the tokenizer puts before the text has no place in it; a part of a character starts at that character."""
    offsets = TextOffsets()
    assert starts == offsets.of_prompt([token(data) for data in tokens], text)
    assert [len(text)] == offsets.of_completion([token(b"x")])


def test_generated_tokens_follow_each_other() -> None:
    """An end token has no text."""
    offsets = TextOffsets()
    assert [0, 2, 2] == offsets.of_completion([token(b"ab"), token("<end>"), token(b"c")])
    assert [3] == offsets.of_completion([token(b"d")])
