"""A tokenizer of single bytes, as files that every version of transformers reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def save_byte_tokenizer(folder: Path, name: str, special: Sequence[str], **settings: Any) -> int:
    """Save a byte-level tokenizer without merges, and return its number of tokens.

    Args:
        folder: Where to save it.
        name: Its class in transformers.
        special: Its special tokens, which come first.
        **settings: Further ones of the tokenizer.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    tokens = [*special, *sorted(ByteLevel.alphabet())]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **settings}), encoding="utf-8")
    return len(tokens)
