"""A tiny training: records, options, rows, and a progress that presses Ctrl-C."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.model import adapt, trainable
from llmops_plugins.local.lora.rows import TrainingRow
from llmops_plugins.local.lora.trainer import LoraTrainer
from llmops_plugins.local.options import LoraOptions
from llmops_sdk import Progress
from llmops_sdk.plugin import (
    BaseModel,
    ChatTemplate,
    Context,
    DatasetSplits,
    Split,
    TextTemplate,
    TrainedModel,
    file_sha256,
)

PROMPT = TextTemplate(prompt="Say what comes after {context}.", response_key=" Answer:", completion=" {response}")


CPU = Device("cpu", "", "float32")


MakeContext = Callable[..., Context]


def make_splits(folder: Path, rows: list[dict[str, str]]) -> DatasetSplits:
    folder.mkdir(parents=True, exist_ok=True)
    train, test = folder / "train.jsonl", folder / "test.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    test.write_text("", encoding="utf-8")
    return DatasetSplits(Split(train, len(rows), file_sha256(train)), Split(test, 0, file_sha256(test)))


def counting_rows(count: int = 40) -> list[dict[str, str]]:
    """Rows with something to learn: the answer is always the same few words."""
    return [{"context": f"number {place} " * (1 + place % 5), "response": "a water wheel"} for place in range(count)]


def options(**chosen: Any) -> LoraOptions:
    return LoraOptions(
        **{"device": "cpu", "dtype": "float32", "max_steps": 8, "batch_tokens": 160, "held_out": 4, **chosen}
    )


def train(
    make_context: MakeContext,
    base: Path,
    splits: DatasetSplits,
    prompt: TextTemplate | ChatTemplate = PROMPT,
    *,
    context: dict[str, Any] | None = None,
    **chosen: Any,
) -> tuple[TrainedModel, Path]:
    step = make_context(**(context or {}))
    trainer = LoraTrainer(options(**chosen))
    return trainer.train(step, BaseModel("huggingface", str(base)), splits, prompt), step.folder


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


class Interrupting(Progress):
    """Presses Ctrl-C after some steps, and keeps the logged lines."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.lines: list[str] = []

    def on_update(self, label: str, done: float, metadata: Any) -> None:
        if label == "fine-tuning" and done == self.steps:
            raise KeyboardInterrupt

    def log(self, text: str) -> None:
        self.lines.append(text)


def example_rows() -> list[TrainingRow]:
    random = np.random.default_rng(0)
    lengths = [(30, 20), (17, 1), (25, 24), (9, 0)]
    return [TrainingRow(random.integers(3, 900, total).astype(np.int32), prompt) for total, prompt in lengths]


def rows_with_common_start() -> list[TrainingRow]:
    """Rows as a template makes them: the same first tokens, in one of them up to the middle of the completion."""
    rows = example_rows()
    for row in rows:
        row.ids[:6] = rows[0].ids[:6]
    return [*rows, TrainingRow(rows[0].ids[:14].copy(), 4)]


def perturbed(tiny_model: Path, chosen: LoraOptions) -> Any:
    model = adapt(tiny_model, chosen, CPU)
    with torch.no_grad():
        for number, parameter in enumerate(trainable(model).values()):
            parameter.normal_(std=0.05, generator=torch.Generator().manual_seed(number))
    return model
