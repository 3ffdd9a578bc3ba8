"""LoRA training with the SDK's trainer, measured as in `baseline_training.py`.

python own_training.py MODEL ROWS THREADS SEED [count]

With `count`, a second training counts what is multiplied (`flop`), slowly.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode, addmm_flop, baddbmm_flop

from llmops_plugins.local.lora.trainer import LoraTrainer
from llmops_plugins.local.options import LoraOptions
from llmops_sdk.plugin import BaseModel, DatasetSplits, Split, TextTemplate, TrainedModel, file_sha256
from llmops_sdk.testing import make_context


def main() -> None:
    model, rows, threads, seed, *rest = sys.argv[1:]
    torch.set_num_threads(int(threads))
    path = Path(rows)
    split = Split(path, len(path.read_text(encoding="utf-8").splitlines()), file_sha256(path))
    # Four rows in each step on average, as in the baselines: this is their padded tokens in this dataset.
    options = LoraOptions(epochs=1, held_out=0, batch_tokens=1024, seed=int(seed), checkpoint_steps=10_000)

    def train() -> TrainedModel:
        prompt = TextTemplate(prompt="{prompt}", completion="{completion}")
        with tempfile.TemporaryDirectory() as folder:
            return LoraTrainer(options).train(
                make_context(Path(folder) / "step"),
                BaseModel("huggingface", model),
                DatasetSplits(split, split),
                prompt,
            )

    start = resource.getrusage(resource.RUSAGE_SELF)
    trained = train()
    ended = resource.getrusage(resource.RUSAGE_SELF)
    losses = [point.loss for point in trained.curve if point.loss is not None]
    metadata = {
        "tokens": trained.metrics["tokens"],
        "speed": trained.metrics["tokens_per_second"],
        "cpu": ended.ru_utime - start.ru_utime + ended.ru_stime - start.ru_stime,
        "loss": sum(losses) / len(losses),
        "memory": ended.ru_maxrss / 1e3,
        "limit": _limit(getattr(torch, trained.metadata["dtype"])),
    }
    if rest:
        in_place = {torch.ops.aten.addmm_: addmm_flop, torch.ops.aten.baddbmm_: baddbmm_flop}
        with FlopCounterMode(display=False, custom_mapping=in_place) as counter:
            train()
        metadata["flop"] = counter.get_total_flops()
    print(json.dumps(metadata))


def _limit(dtype: torch.dtype) -> float:
    """Return the FLOP in a second of matrix products alone, as large as those of a step; the best of a few."""
    x, weight = torch.randn(1024, 576).to(dtype), torch.randn(576, 3072).to(dtype)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        x @ weight
        times.append(time.perf_counter() - start)
    return 2 * x.shape[0] * weight.numel() / min(times)


if __name__ == "__main__":
    main()
