from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch
import transformers

from llmops_plugins.local.lora.model import adapt, adapter_state
from llmops_plugins.local.lora.rows import tokenize_rows
from llmops_plugins.local.lora.schedule import learning_rate_share
from llmops_plugins.local.weights.loading import load_tokenizer

from ..architectures import save_model
from .example import CPU, PROMPT, MakeContext, counting_rows, make_splits, options, train, weights_of

STEPS = 12
RATE = 3e-3

# trl 1.16 patches forward passes as transformers 5 has them, and its datasets needs the huggingface-hub of transformers 5.
pytestmark = pytest.mark.skipif(transformers.__version__.startswith("4."), reason="trl needs transformers 5")


@pytest.mark.filterwarnings("ignore")  # trl's own
@pytest.mark.parametrize(
    "architecture",
    ["llama", pytest.param("qwen3", marks=pytest.mark.slow), pytest.param("gemma3", marks=pytest.mark.slow)],
)
def test_losses_and_weights_are_those_of_trl(
    architecture: str, make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """The same rows in the same batches, from the same adapters and at the same learning rates: step by step the same loss.

    trl pads rows and averages over the completions' tokens. A batch holds all rows, since both draw batches in ways of their own.
    """
    pytest.importorskip("trl")  # two seconds, which other tests need not wait
    base = tiny_model if architecture == "llama" else save_model(architecture, tmp_path / "base", tiny_model)
    splits = make_splits(tmp_path / "data", counting_rows(12))
    chosen: dict[str, Any] = {
        "max_steps": STEPS, "epochs": STEPS, "held_out": 0, "batch_tokens": 100_000, "learning_rate": RATE,
    }  # fmt: skip

    trained, folder = train(make_context, base, splits, **chosen)

    rows = tokenize_rows(splits.train, PROMPT, load_tokenizer(base), max_length=512, path=tmp_path / "rows")
    losses, adapters = _train_with_trl(base, [rows[index] for index in range(len(rows))], chosen, tmp_path / "trl")
    assert [point.loss for point in trained.curve] == pytest.approx(losses, rel=1e-4)
    assert losses[-1] < losses[0] - 0.2
    expected = _merged(base, adapters, chosen, tmp_path / "merged")
    actual = weights_of(folder / "model")
    start = weights_of(base)
    moved = max(float((expected[name] - start[name]).abs().max()) for name in expected)
    for name, weight in expected.items():
        torch.testing.assert_close(actual[name], weight, rtol=1e-3, atol=1e-2 * moved)


def _train_with_trl(
    base: Path, rows: list[Any], chosen: dict[str, Any], folder: Path
) -> tuple[list[float], dict[str, torch.Tensor]]:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model = adapt(base, options(**chosen), CPU)
    records = [
        {"input_ids": row.ids.tolist(), "completion_mask": (np.arange(len(row.ids)) >= row.prompt).astype(int).tolist()}
        for row in rows
    ]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_share(step, STEPS))
    settings = SFTConfig(
        str(folder), max_steps=STEPS, per_device_train_batch_size=len(rows), max_grad_norm=1.0, logging_steps=1, bf16=False,
        completion_only_loss=True, gradient_checkpointing=False, use_cpu=True, save_strategy="no", report_to=[], disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        model, settings, train_dataset=Dataset.from_list(records), processing_class=load_tokenizer(base),
        optimizers=(optimizer, schedule),
    )  # fmt: skip
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry], adapter_state(model)


def _merged(
    base: Path, adapters: dict[str, torch.Tensor], chosen: dict[str, Any], folder: Path
) -> dict[str, torch.Tensor]:
    from llmops_plugins.local.lora.model import save_merged

    save_merged(base, adapters, options(**chosen), folder)
    return weights_of(folder)
