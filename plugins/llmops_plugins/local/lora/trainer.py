"""The trainer `lora`: fine-tunes a model into a folder, and continues where an interrupted training stopped."""

from __future__ import annotations

import shutil

import torch

from llmops_plugins._weights.locate import Weights, locate, version
from llmops_plugins.local.device import compute_details, pick_device, usable_cores
from llmops_plugins.local.engine.memory import check_memory
from llmops_plugins.local.lora.model import adapter_state, save_merged
from llmops_plugins.local.lora.rows import TrainingRows, tokenize_rows
from llmops_plugins.local.lora.training import Training
from llmops_plugins.local.names import FORMAT
from llmops_plugins.local.options import LoraOptions
from llmops_plugins.local.weights.loading import context_length, load_tokenizer
from llmops_sdk.plugin import BaseModel, Context, DatasetSplits, PromptTemplate, TrainedModel, Trainer, digest

ENGINE = ("torch", "transformers", "peft")
"""The libraries whose versions are part of the key of trainings."""

_CHECKPOINT = "checkpoint"
_MODEL = "model"
_ROWS = "rows.i32"


class LoraTrainer(Trainer):
    """Fine-tunes a causal language model with low-rank adapters (LoRA), and saves it merged, in float32.

    The loss is computed on the completion and the end-of-text token only. AdamW, a cosine schedule after a short
    warm-up, gradients clipped at norm 1; adapters on every projection of the layers, or in a mixture of experts on those
    of the attention. The training's record names the layers with adapters, and how the loss was computed.

    LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685
    """

    options: LoraOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the version of the base weights, and what this machine computes with."""
        device = pick_device(self.options.device, self.options.dtype)
        return digest(version(context, model), compute_details(device, ENGINE))

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Train into `context.folder`; if an interrupted training left a checkpoint there, continue from it.

        Raises:
            DataError: No record of the train split can be trained on.
            AssetError: The base weights are not available, or need more memory than is free.
            SpecError: This machine lacks the device, or the loss became infinite or NaN.
        """
        base = locate(context, model)
        trained, adapters = self._train_adapters(context, model, base, splits, prompt)
        save_merged(base.folder, adapters, self.options, context.folder / _MODEL)
        shutil.rmtree(context.folder / _CHECKPOINT, ignore_errors=True)
        return trained

    def _train_adapters(
        self, context: Context, model: BaseModel, base: Weights, splits: DatasetSplits, prompt: PromptTemplate
    ) -> tuple[TrainedModel, dict[str, torch.Tensor]]:
        """Return the description of the trained model and the adapters' values. The base model's memory is then free."""
        options = self.options
        device = pick_device(options.device, options.dtype)
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
        (context.folder / _CHECKPOINT).mkdir(parents=True, exist_ok=True)
        if device.kind == "cpu":
            check_memory(base.folder, device)
        rows = self._tokenize(context, base, splits, prompt)
        training = Training(context, options, device, base, rows, checkpoint=context.folder / _CHECKPOINT)
        finished = training.run()
        trained = TrainedModel(
            format=FORMAT,
            uri=_MODEL,
            base=BaseModel(model.format, model.source, base.version, model.parameters),
            metrics=training.metrics(),
            curve=tuple(training.position.curve),
            truncated=not finished,
            metadata={**compute_details(device, ENGINE), **training.metadata},
        )
        return trained, adapter_state(training.model)

    def _tokenize(self, context: Context, base: Weights, splits: DatasetSplits, prompt: PromptTemplate) -> TrainingRows:
        max_length = min(self.options.max_length, context_length(base.folder) or self.options.max_length)
        tokenizer = load_tokenizer(base.folder)
        path = context.folder / _CHECKPOINT / _ROWS
        rows = tokenize_rows(splits.train, prompt, tokenizer, max_length=max_length, path=path)
        if rows.dropped:
            total = rows.dropped + len(rows)
            context.progress.log(
                f"{rows.dropped} of {total} training records are longer than {max_length} tokens and were left out"
            )
        return rows
