from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from llmops_plugins.local.lora.rows import tokenize_rows
from llmops_plugins.local.weights.loading import load_tokenizer
from llmops_sdk import DataError
from llmops_sdk.plugin import ChatTemplate

from .example import (
    PROMPT,
    MakeContext,
    counting_rows,
    make_splits,
    train,
)


def tokenize(tiny_model: Path, tmp_path: Path, rows: list[dict[str, str]], prompt: Any, max_length: int) -> Any:
    splits = make_splits(tmp_path / "data", rows)
    tokenizer = load_tokenizer(tiny_model)
    tokenized = tokenize_rows(splits.train, prompt, tokenizer, max_length=max_length, path=tmp_path / "rows")
    return tokenized, tokenizer


def test_a_row_is_prompt_completion_and_end(tiny_model: Path, tmp_path: Path) -> None:
    """A row has the ids of the prompt as the model is asked it, those of the completion, and the end-of-text token."""
    rows, tokenizer = tokenize(tiny_model, tmp_path, counting_rows(3), PROMPT, 200)

    ids = tokenizer("Say what comes after number 1 number 1 . Answer:")["input_ids"]
    assert list(rows[1].ids[: rows[1].prompt]) == ids
    assert tokenizer.decode(rows[1].ids[rows[1].prompt :]) == " a water wheel<|im_end|>"
    assert list(rows[1].targets) == list(range(len(ids), len(rows[1].ids)))


def test_a_chat_row_uses_the_models_template(tiny_model: Path, tmp_path: Path) -> None:
    """Its prompt is the model's own chat template, up to where the assistant starts."""
    chat = ChatTemplate(messages=({"role": "user", "content": "After {context}?"},), completion="{response}")
    rows, tokenizer = tokenize(tiny_model, tmp_path, counting_rows(1), chat, 200)

    text = tokenizer.decode(rows[0].ids[: rows[0].prompt])
    assert text == "<|im_start|>user\nAfter number 0 ?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(rows[0].ids[rows[0].prompt :]) == "a water wheel<|im_end|>"


def test_a_chat_prompt_needs_a_chat_template(tiny_model: Path, tmp_path: Path) -> None:
    """The error of a model without one suggests a text prompt."""
    splits, tokenizer = make_splits(tmp_path / "data", counting_rows(1)), load_tokenizer(tiny_model)
    tokenizer.chat_template = None
    chat = ChatTemplate(messages=({"role": "user", "content": "After {context}?"},), completion="{response}")
    with pytest.raises(DataError, match="no chat template: use a text prompt"):
        tokenize_rows(splits.train, chat, tokenizer, max_length=200, path=tmp_path / "rows")


def test_a_split_without_usable_records_is_an_error(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """The error has the reason."""
    with pytest.raises(DataError, match="all 3 records are longer than max_length=16 tokens"):
        train(make_context, tiny_model, make_splits(tmp_path / "a", counting_rows(3)), max_length=16)
    with pytest.raises(DataError, match="it is empty"):
        train(make_context, tiny_model, make_splits(tmp_path / "b", []))
