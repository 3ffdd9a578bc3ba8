"""Small classifiers with random weights, and a cache of Hugging Face's that has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ..byte_tokenizer import save_byte_tokenizer

TOKENS = 62
_HUB = {"toxigen": "tomh/toxigen_roberta", "detoxify": "unitary/unbiased-toxic-roberta"}
LABELS = {"toxigen": 2, "detoxify": 16}


@pytest.fixture(scope="session", name="classifiers")
def _classifiers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A folder for each kind, with a RoBERTa of two layers and random weights."""
    folder = tmp_path_factory.mktemp("classifiers")
    for name, labels in LABELS.items():
        _make_classifier(folder / name, labels)
    return {name: folder / name for name in LABELS}


def _make_classifier(folder: Path, labels: int) -> None:
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    folder.mkdir()
    tokens = save_byte_tokenizer(
        folder, "RobertaTokenizer", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], model_max_length=TOKENS
    )
    torch.manual_seed(labels)
    config = RobertaConfig(
        vocab_size=tokens,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=TOKENS + 2,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        num_labels=labels,
        initializer_range=0.5,  # large enough for the scores of different texts to differ
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)


@pytest.fixture(name="hub_cache")
def _hub_cache(classifiers: Mapping[str, Path], tmp_path: Path) -> Path:
    """A folder with a cache of Hugging Face's, as a download leaves it."""
    for name, hub_id in _HUB.items():
        model = tmp_path / "hub" / f"models--{hub_id.replace('/', '--')}"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "main").write_text("c0ffee")
        (model / "snapshots").mkdir()
        (model / "snapshots" / "c0ffee").symlink_to(classifiers[name])
    return tmp_path
