"""LoRA training with the SDK's trainer, measured as in `baseline_training.py`.

python own_training.py MODEL ROWS THREADS SEED
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

from llmops_plugins.local.lora.trainer import LoraTrainer
from llmops_plugins.local.options import LoraOptions
from llmops_sdk.plugin import BaseModel, DatasetSplits, Split, TextTemplate, file_sha256
from llmops_sdk.testing import make_context


def main() -> None:
    model, rows, threads, seed = sys.argv[1:]
    import torch

    torch.set_num_threads(int(threads))
    path = Path(rows)
    split = Split(path, len(path.read_text(encoding="utf-8").splitlines()), file_sha256(path))
    # Four rows in each step on average, as in the baselines: this is their padded tokens in this dataset.
    options = LoraOptions(epochs=1, held_out=0, batch_tokens=1024, seed=int(seed), checkpoint_steps=10_000)
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder) / "step")
        start = resource.getrusage(resource.RUSAGE_SELF)
        trained = LoraTrainer(options).train(
            context,
            BaseModel("huggingface", model),
            DatasetSplits(split, split),
            TextTemplate(prompt="{prompt}", completion="{completion}"),
        )
        ended = resource.getrusage(resource.RUSAGE_SELF)
    tokens, speed = trained.metrics["tokens"], trained.metrics["tokens_per_second"]
    losses = [point.loss for point in trained.curve if point.loss is not None]
    cpu = ended.ru_utime - start.ru_utime + ended.ru_stime - start.ru_stime
    metadata = {"tokens": tokens, "seconds": tokens / speed, "cpu": cpu, "loss": sum(losses) / len(losses)}
    print(json.dumps(metadata))


if __name__ == "__main__":
    main()
