from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer

from llmops_plugins.local.engine.scoring import TokenScore
from llmops_plugins.local.engine.vocabulary import Vocabulary


@pytest.fixture(name="tokenizer")
def _tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(name="sentence_pieces")
def _sentence_pieces() -> Any:
    """A tokenizer as Llama 2 has it: it drops the space of a text's first token, and has tokens for single bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "</s>", *(f"<0x{number:02X}>" for number in range(256)), "\u2581", "a", "\u2581a", "\u2581the"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    replace = decoders.Replace("\u2581", " ")
    tokenizer.decoder = decoders.Sequence(
        [replace, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


def test_tokens_have_their_texts_and_bytes(tokenizer: Any) -> None:
    """Together they are the text, also where a character takes several tokens; special tokens have no bytes."""
    text = "A caf\u00e9 \N{FACE WITH TEARS OF JOY} of stone"
    special = tokenizer.convert_tokens_to_ids("<|im_end|>")
    vocabulary = Vocabulary(tokenizer, frozenset([special]))
    tokens = [vocabulary.scored(token, TokenScore(-1.0)) for token in tokenizer(text)["input_ids"]]
    assert text.encode() == b"".join(token.data or b"" for token in tokens)
    assert any(token.text == "\N{REPLACEMENT CHARACTER}" for token in tokens)
    assert text[:2] == "".join(token.text for token in tokens)[:2]
    end = vocabulary.scored(special, None)
    assert ("<|im_end|>", None, None) == (end.text, end.data, end.log_probability)


def test_a_token_keeps_its_space(sentence_pieces: Any) -> None:
    """Also where the tokenizer drops the space at the start of a text; a byte's token has that byte."""
    vocabulary = Vocabulary(sentence_pieces, frozenset([1]))
    the, byte = (
        vocabulary.scored(sentence_pieces.convert_tokens_to_ids(word), None) for word in ("\u2581the", "<0xE2>")
    )
    assert (" the", b" the") == (the.text, the.data)
    assert ("\N{REPLACEMENT CHARACTER}", b"\xe2") == (byte.text, byte.data)


def test_alternatives_are_tokens_with_their_scores(tokenizer: Any) -> None:
    """In the order of the score."""
    token = Vocabulary(tokenizer, frozenset()).scored(70, TokenScore(-0.5, {71: -0.25, 70: -0.5}))
    assert [(71, -0.25), (70, -0.5)] == [(other.id, other.log_probability) for other in token.alternatives]
    assert (70, -0.5) == (token.id, token.log_probability)
