"""A model small enough to train and ask within a test, and what a step would hand to a plugin."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import Context

# Read by the OpenMP runtime and by torch when they are loaded, which the tests do below this line only.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, sample_texts: list[str]) -> Path:
    """A folder with a Llama of random weights (2 layers, 64 wide), its tokenizer and a chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny-model")
    tokenizer = _tiny_tokenizer(sample_texts[:60])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.1,  # wide enough for adapters to turn the logits
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """Make the `Context` of a step; every keyword replaces one of its fields, and `assets` names folders."""

    def make(*, assets: Mapping[str, Path] | None = None, **fields: Any) -> Context:
        def asset(name: str) -> Path:
            if name in (assets or {}):
                return (assets or {})[name]
            message = f"no asset is called {name!r}"
            raise AssetError(message)

        def refuse(kind: str, name: str, _options: Mapping[str, Any]) -> Any:
            message = f"nothing of kind {kind!r} is called {name!r} in this test"
            raise LookupError(message)

        defaults: dict[str, Any] = {
            "run_id": "test-run",
            "step": "train-tiny",
            "folder": tmp_path / "step",
            "home": tmp_path / "home",
            "offline": True,
            "progress": Progress(),
            "log": logging.getLogger("llmops.test"),
            "settings": {},
            "make": refuse,
            "asset": asset,
        }
        context = Context(**{**defaults, **fields})
        context.folder.mkdir(parents=True, exist_ok=True)
        context.home.mkdir(parents=True, exist_ok=True)
        return context

    return make


@pytest.fixture(scope="session")
def sample_texts() -> list[str]:
    """The texts of the bundled sample dataset, for tokenizers and round trips."""
    path = Path(str(files("llmops_plugins.datasets") / "data" / "sample.jsonl"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [" ".join(str(row.get(field, "")) for field in ("instruction", "context", "response")) for row in rows]


def _tiny_tokenizer(texts: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        padding_side="left",
        model_max_length=1024,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
