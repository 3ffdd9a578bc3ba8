"""LoRA training as users would write it: Hugging Face's `Trainer`, or trl's `SFTTrainer`. Runs in an environment of its own.

    python baseline_training.py trainer|trl MODEL ROWS BF16(0|1) THREADS SEED

ROWS is a JSONL file with `prompt` and `completion`. Both run with their best settings for a CPU: batches grouped by length,
no gradient checkpointing, the faster dtype, loss on the completion only. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

BATCH = 4
LEARNING_RATE = 3e-4
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is not read by mypy
    """Times the optimizer steps: from the start of the first one to the end of the last one."""

    def __init__(self) -> None:
        self.start = self.cpu = self.wall = 0.0

    def on_train_begin(self, *_args: Any, **_kwargs: Any) -> None:
        self.start, self.cpu_start = time.perf_counter(), time.process_time()

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        self.wall = time.perf_counter() - self.start
        self.cpu = time.process_time() - self.cpu_start


def main() -> None:
    kind, model_path, rows_path, bf16, threads, seed = sys.argv[1:]
    torch.set_num_threads(int(threads))
    tokenizer = AutoTokenizer.from_pretrained(model_path)
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    rows = [json.loads(line) for line in Path(rows_path).read_text(encoding="utf-8").splitlines()]
    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=TARGETS, task_type="CAUSAL_LM")
    shared: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(prefix="baseline-"),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,  # a share
        "max_grad_norm": 1.0,
        "weight_decay": 0.0,
        "train_sampling_strategy": "group_by_length",
        "activation_checkpointing": False,
        "bf16": bf16 == "1",
        "use_cpu": True,
        "seed": int(seed),
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    clock = Clock()
    trainer = (
        _sft(model, tokenizer, rows, lora, shared) if kind == "trl" else _plain(model, tokenizer, rows, lora, shared)
    )
    trainer.add_callback(clock)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    tokens = sum(len(_ids(tokenizer, row)[0]) for row in rows)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    loss = sum(losses) / len(losses)
    speed = tokens / clock.wall
    print(json.dumps({"tokens": tokens, "speed": speed, "cpu": clock.cpu, "loss": loss, "memory": memory}))


def _ids(tokenizer: Any, row: dict[str, str]) -> tuple[list[int], int]:
    prompt = tokenizer(row["prompt"])["input_ids"]
    completion = [*tokenizer(row["completion"])["input_ids"], tokenizer.eos_token_id]
    return prompt + completion, len(prompt)


def _plain(model: Any, tokenizer: Any, rows: list[dict[str, str]], lora: Any, shared: dict[str, Any]) -> Trainer:
    data = []
    for row in rows:
        ids, asked = _ids(tokenizer, row)
        data.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [-100] * asked + ids[asked:]})
    return Trainer(
        model=get_peft_model(model, lora),
        args=TrainingArguments(**shared),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(tokenizer, padding=True),
    )


def _sft(model: Any, tokenizer: Any, rows: list[dict[str, str]], lora: Any, shared: dict[str, Any]) -> Trainer:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=model,
        args=SFTConfig(**shared, max_length=1024, packing=False, completion_only_loss=True),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora,
    )


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
