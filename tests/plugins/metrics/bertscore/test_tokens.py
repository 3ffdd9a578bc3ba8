"""BERT's tokens are those of transformers' slow tokenizer, which bert_score takes."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.bertscore.tokens import BertTokenizer

SlowTokens = Callable[[Path], Callable[[str], list[int]]]

PIECES = (
    "[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]", "[sep]", "[SE", "P]", "[[SEP]", "##a", " ", "\n", "\t", "\x00", "\x1c",
    "\x85", "\u200b", "\u0301", "\u0323", "Σ", "ΑΣ", "İ", "ß", "\u017f", "\u212a", "\ud83d", "\ude00", "中", "文", "한국", "が",
    "か\u3099", "\ufffd", "'", "-", "…", "$", "😀", "مرحبا", "\u202e", "a" * 99, "b" * 101, "Å", "ﬁ", "don't", "U.S.",
)  # fmt: skip


@pytest.fixture(scope="module")
def minilm(asset: Callable[[str], Path]) -> Path:
    return asset("minilm")


@pytest.fixture
def slow_tokens(needs: Callable[..., None]) -> SlowTokens:
    """What bert_score does to a text, with the tokenizer of a folder."""
    needs("transformers")
    from transformers import AutoTokenizer, __version__

    if not __version__.startswith("4."):
        pytest.skip("transformers 5 has no slow tokenizers; `make check-transformers` runs this with 4")

    def load(folder: Path) -> Callable[[str], list[int]]:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, use_fast=False)

        def encode(text: str) -> list[int]:
            text = text.strip()
            if not text:
                return list(tokenizer.build_inputs_with_special_tokens([]))
            return list(tokenizer.encode(text, add_special_tokens=True, max_length=512, truncation=True))

        return encode

    return load


def strewn(count: int) -> Iterator[str]:
    pick = random.Random(5)
    for _ in range(count):
        letters = [*(chr(pick.randrange(sys.maxunicode)) for _ in range(3)), *"abcABC éÀñ.,;![]"]
        yield "".join(pick.choice([pick.choice(PIECES), pick.choice(letters)]) for _ in range(pick.randrange(1, 25)))


@pytest.mark.parametrize("lower", [True, False])
def test_tokens_of_any_text_are_those_of_the_slow_tokenizer(
    minilm: Path, tmp_path: Path, slow_tokens: SlowTokens, odd_texts: Sequence[str], *, lower: bool
) -> None:
    """Odd texts, and thousands of texts of pieces that tokenizers disagree on; for vocabularies with and without case."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name in ("config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(minilm / name, folder)
    options = json.loads((minilm / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**options, "do_lower_case": lower}))
    expected, ours = slow_tokens(folder), BertTokenizer(folder)
    texts = [*odd_texts, *strewn(1500)]

    assert [text for text in texts if expected(text) != ours.encode(text, 512)] == []


def test_every_letter_is_treated_as_by_the_slow_tokenizer(minilm: Path, slow_tokens: SlowTokens) -> None:
    """Each of the first 3,000 characters of Unicode, and every 97th of the others, inside a word and before one."""
    expected, ours = slow_tokens(minilm), BertTokenizer(minilm)
    letters = [*range(3000), *range(3000, sys.maxunicode, 97)]
    texts = [
        "".join(f"ab{chr(code)}Cd {chr(code)}x " for code in letters[start : start + 30])
        for start in range(0, len(letters), 30)
    ]

    assert [text for text in texts if expected(text) != ours.encode(text, 512)] == []


def test_tokens_of_real_texts_are_those_of_the_slow_tokenizer(
    minilm: Path, slow_tokens: SlowTokens, real_data: Callable[[str], Path]
) -> None:
    """Every text of a part of Dolly, also those that are longer than the encoder takes."""
    expected, ours = slow_tokens(minilm), BertTokenizer(minilm)
    rows = [json.loads(line) for line in real_data("dolly/dolly_mix_390.jsonl").read_text("utf-8").splitlines()]
    texts = [row[field] for row in rows for field in ("instruction", "context", "response")]

    assert any(len(ours.encode(text, 512)) == 512 for text in texts)
    assert [text for text in texts if expected(text) != ours.encode(text, 512)] == []


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (
            "tokenizer_config.json",
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "its tokenizer is BertJapaneseTokenizer",
        ),
        ("tokenizer_config.json", {"do_basic_tokenize": False}, "do_basic_tokenize=False"),
        ("tokenizer_config.json", {"additional_special_tokens": ["<x>"]}, "the token '<x>'"),
        ("special_tokens_map.json", {"mask_token": {"content": "[MASK]", "lstrip": True}}, "the token"),
        ("special_tokens_map.json", {"sep_token": "[PAD]"}, "special tokens of its own"),
        ("added_tokens.json", {"<x>": 30522}, "the token '<x>'"),
    ],
)
def test_other_tokenizers_are_refused(minilm: Path, tmp_path: Path, file: str, content: Any, reason: str) -> None:
    """What is done in another way there is left to transformers."""
    shutil.copy(minilm / "vocab.txt", tmp_path)
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=reason):
        BertTokenizer(tmp_path)
