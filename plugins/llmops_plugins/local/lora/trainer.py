"""LoRA fine-tuning on this machine: a real run that can be killed at any time and goes on where it was."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from llmops_plugins.local.device import Device, pick_device, usable_cores
from llmops_plugins.local.lora.checkpoint import Position, load_checkpoint, save_checkpoint
from llmops_plugins.local.lora.model import adapt, adapter_state, make_loss, save_merged, set_adapter_state, trainable
from llmops_plugins.local.lora.rows import Row, Rows, Schedule, hold_out, tokenize_rows
from llmops_plugins.local.options import FORMAT, LoraOptions
from llmops_plugins.local.weights import locate as weights
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    DatasetSplits,
    PromptTemplate,
    SpecError,
    TrainedModel,
    Trainer,
    TrainingPoint,
    digest,
)

if TYPE_CHECKING:
    from llmops_plugins.local.weights.locate import Weights

_CHECKPOINT = "checkpoint"
_MODEL = "model"
_ROWS = "rows.i32"

_WARMUP_SHARE = 0.03
_GRADIENT_NORM = 1.0
_MINUTE = 60.0  # seconds
_LOOKS = 4  # times that the held-out loss is taken on the way, the end included


class LoraTrainer(Trainer):
    """Fine-tunes a causal language model with low-rank adapters (LoRA), and leaves it merged, in float32.

    Loss is taken on completion and end-of-text token only. AdamW, a cosine schedule after a short warm-up, gradients
    clipped at norm 1; adapters on every projection of the layers.

    LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685
    """

    options: LoraOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the version of the base weights."""
        return weights.version(context, model)

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Train into `context.folder`; a call with what an interrupted one left there goes on from its checkpoint.

        Raises:
            DataError: No row of the train split can be trained on.
            AssetError: The base weights cannot be had.
            SpecError: The device is not there, or the loss became infinite or no number.
        """
        base = weights.locate(context, model)
        trained, adapters = self._adapters(context, model, base, splits, prompt)
        save_merged(base.folder, adapters, self.options, context.folder / _MODEL)
        shutil.rmtree(context.folder / _CHECKPOINT, ignore_errors=True)
        return trained

    def _adapters(
        self, context: Context, model: BaseModel, base: Weights, splits: DatasetSplits, prompt: PromptTemplate
    ) -> tuple[TrainedModel, dict[str, torch.Tensor]]:
        """Train; return what to tell about it, and the adapters' values. The model's memory is free afterwards."""
        options = self.options
        device = pick_device(options.device, options.dtype)
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
        (context.folder / _CHECKPOINT).mkdir(parents=True, exist_ok=True)
        longest = min(options.max_length, weights.context_length(base.folder) or options.max_length)
        rows = tokenize_rows(
            splits.train,
            prompt,
            weights.load_tokenizer(base.folder),
            max_length=longest,
            path=context.folder / _CHECKPOINT / _ROWS,
        )
        if rows.dropped:
            told = f"{rows.dropped} of {rows.dropped + len(rows)} train rows are longer than {longest} tokens"
            context.progress.log(f"{told} and were left out")
        training = _Training(context, options, device, base, rows)
        done = training.run()
        trained = TrainedModel(
            format=FORMAT,
            uri=_MODEL,
            base=BaseModel(model.format, model.source, base.version, model.parameters),
            metrics=training.metrics(),
            curve=tuple(training.position.curve),
            truncated=not done,
            metadata=device.metadata,
        )
        return trained, adapter_state(training.model)


class _Training:
    """One training: the model, the optimizer and how far they are."""

    def __init__(self, context: Context, options: LoraOptions, device: Device, base: Weights, rows: Rows) -> None:
        self._context, self._options, self._device, self._rows = context, options, device, rows
        self.model = adapt(base.folder, options, device)
        self._parameters = list(trainable(self.model).values())
        self._loss = make_loss(self.model, options, device)
        self._optimizer = torch.optim.AdamW(self._parameters, lr=options.learning_rate, weight_decay=0.0, fused=True)
        trained, self._kept_aside = hold_out(len(rows), options.held_out, options.seed)
        self._schedule = Schedule(
            trained,
            rows.lengths,
            epochs=options.epochs,
            batch_tokens=options.batch_tokens,
            seed=options.seed,
            max_steps=options.max_steps,
        )
        self._trained_rows = len(trained)
        self._key = digest(base.version, _affecting(options), rows.sha256)
        self.position = Position()
        self._changing = False
        context.log.info("training on %s in %s with %s", device.name, device.dtype, type(self._loss).__name__)

    def run(self) -> bool:
        """Train to the end, or until the time is over; return whether all steps were done.

        Raises:
            SpecError: The loss became infinite or no number.
            KeyboardInterrupt: After a checkpoint was saved.
        """
        gpus = [int(self._device.index)] if self._device.index else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(self._options.seed)
            self._resume()
            with self._context.progress.task("fine-tuning", self._schedule.total, "steps") as task:
                task.update(self.position.step)
                try:
                    return self._steps(task.advance)
                except KeyboardInterrupt:
                    if not self._changing:
                        self._save()
                    raise

    def metrics(self) -> dict[str, float]:
        """Return the numbers worth showing."""
        position = self.position
        numbers: dict[str, float] = {
            "steps": position.step,
            "tokens": position.tokens,
            "seconds": position.seconds,
            "tokens_per_second": self._speed(),
            "rows": self._trained_rows,
            "rows_held_out": len(self._kept_aside),
            "rows_dropped": self._rows.dropped,
            "trainable_parameters": sum(parameter.numel() for parameter in self._parameters),
        }
        looks = [point.held_out_loss for point in position.curve if point.held_out_loss is not None]
        if looks:
            numbers |= {"held_out_loss_before": looks[0], "held_out_loss_after": looks[-1]}
        return numbers

    def _resume(self) -> None:
        found = load_checkpoint(self._context.folder / _CHECKPOINT, self._key, self._optimizer, self._context.log)
        if found is not None:
            self.position, adapters = found
            set_adapter_state(self.model, adapters)
            self._context.progress.log(f"going on from the checkpoint at step {self.position.step}")

    def _steps(self, advance: Callable[..., None]) -> bool:
        began = time.monotonic() - self.position.seconds
        self.model.train()
        if self.position.step == 0:
            self._look(began)
        for batch in self._schedule.batches(self.position.step):
            if self._is_over(began):
                told = f"{self.position.step} of {self._schedule.total} steps"
                self._context.progress.log(f"the time allowed is over after {told}: the model is truncated")
                self._look(began)
                return False
            loss = self._step([self._rows[index] for index in batch], began)
            advance(loss=f"{loss:.3f}", tokens_per_s=f"{self._speed():,.0f}")
            self._keep_up(began)
        return True

    def _step(self, rows: list[Row], began: float) -> float:
        """Train on one batch and return its loss."""
        start = time.monotonic()
        loss = self._gradients(rows)
        self._set_learning_rate()
        self._changing = True  # from here to the end, an interrupt leaves the last checkpoint as it is
        self._optimizer.step()
        self._optimizer.zero_grad()
        now = time.monotonic()
        position = self.position
        position.step_seconds += now - start
        position.seconds = now - began
        position.tokens += sum(len(row.ids) for row in rows)
        position.step += 1
        position.curve.append(TrainingPoint(position.step, position.tokens, position.seconds, loss))
        self._changing = False
        return loss

    def _gradients(self, rows: list[Row]) -> float:
        """Compute the gradients of the mean loss of a batch's targets, clipped, and return that loss."""
        loss = self._loss(rows) / sum(len(row.targets) for row in rows)
        value = float(loss.detach())
        if math.isfinite(value):
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, _GRADIENT_NORM))
        else:
            norm = math.nan
        if not math.isfinite(norm):
            message = (
                f"training diverged: at step {self.position.step + 1} the loss is {value} and its gradient's norm {norm}; "
                f"lower 'learning_rate' (now {self._options.learning_rate:g}) or set dtype to 'float32'"
            )
            raise SpecError(message)
        return value

    def _set_learning_rate(self) -> None:
        rate = self._options.learning_rate * learning_rate_share(self.position.step, self._schedule.total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def _keep_up(self, began: float) -> None:
        """Take the held-out loss and save a checkpoint, where it is time to."""
        step, total = self.position.step, self._schedule.total
        looks = {math.ceil(total * look / _LOOKS) for look in range(1, _LOOKS)} if total >= 2 * _LOOKS else set()
        if step in looks or step == total:
            self._look(began)
        if step % self._options.checkpoint_steps == 0 and step < total:
            self._save()

    def _look(self, began: float) -> None:
        """Add the loss on the rows kept aside to the curve."""
        if not len(self._kept_aside):
            return
        self.model.eval()
        total, targets = 0.0, 0
        with torch.no_grad():
            for batch in self._held_out_batches():
                total += float(self._loss(batch))
                targets += sum(len(row.targets) for row in batch)
        self.model.train()
        position = self.position
        position.seconds = time.monotonic() - began
        loss = position.curve[-1].loss if position.curve else None
        point = TrainingPoint(position.step, position.tokens, position.seconds, loss, total / targets)
        if position.curve and position.curve[-1].step == position.step:
            position.curve.pop()
        position.curve.append(point)
        self._context.log.info("held-out loss after %d steps: %.4f", position.step, total / targets)

    def _held_out_batches(self) -> list[list[Row]]:
        lengths = self._rows.lengths
        aside = Schedule(
            self._kept_aside, lengths, epochs=1, batch_tokens=self._options.batch_tokens, seed=self._options.seed
        )
        return [[self._rows[index] for index in batch] for batch in aside.batches()]

    def _is_over(self, began: float) -> bool:
        minutes = self._options.max_minutes
        return minutes is not None and time.monotonic() - began >= _MINUTE * minutes

    def _speed(self) -> float:
        """Tokens (padding not counted) per second of optimizer steps."""
        return self.position.tokens / self.position.step_seconds if self.position.step_seconds else 0.0

    def _save(self) -> None:
        folder: Path = self._context.folder / _CHECKPOINT
        save_checkpoint(folder, self._key, self.position, adapter_state(self.model), self._optimizer)


def learning_rate_share(step: int, total: int) -> float:
    """Return the share of the peak learning rate at a step (from 0): a linear warm-up, then half a cosine to zero.

    >>> [round(learning_rate_share(step, 100), 2) for step in (0, 2, 3, 51, 99)]
    [0.33, 1.0, 1.0, 0.51, 0.0]
    """
    warmup = max(1, round(_WARMUP_SHARE * total))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def _affecting(options: LoraOptions) -> dict[str, Any]:
    """Return the options by which two trainings differ; the time allowed only ends one."""
    import attrs

    return {
        name: value for name, value in attrs.asdict(options).items() if name not in ("checkpoint_steps", "max_minutes")
    }
