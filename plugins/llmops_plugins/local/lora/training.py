"""One training of adapters: the optimizer steps, the loss curve and the checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch

from llmops_plugins._weights.locate import Weights
from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.checkpoint import Position, load_checkpoint, save_checkpoint
from llmops_plugins.local.lora.loss import make_loss
from llmops_plugins.local.lora.model import (
    adapt,
    adapted_layers,
    adapter_state,
    set_adapter_state,
    trainable,
)
from llmops_plugins.local.lora.rows import TrainingRow, TrainingRows
from llmops_plugins.local.lora.schedule import Schedule, hold_out, learning_rate_share
from llmops_plugins.local.options import LoraOptions
from llmops_sdk.plugin import Context, SpecError, TrainingPoint, digest

_GRADIENT_NORM = 1.0
_SECONDS_PER_MINUTE = 60.0
# Of the held-out loss during the training, including the one at its end: one takes as long as some steps.
_MOST_MEASUREMENTS = 4
_STEPS_PER_MEASUREMENT = 20


class Training:
    """A model, its optimizer, and how far they are.

    Args:
        context: The step's.
        options: How to train.
        device: Where to compute.
        base: The base model's weights.
        rows: The training rows.
        checkpoint: The folder of the checkpoint.

    Attributes:
        model: The base model with its adapters.
        position: How far the training is.
        metadata: What it computes with, and which layers have adapters.
    """

    def __init__(
        self,
        context: Context,
        options: LoraOptions,
        device: Device,
        base: Weights,
        rows: TrainingRows,
        *,
        checkpoint: Path,
    ) -> None:
        self._context, self._options, self._device, self._rows = context, options, device, rows
        self._checkpoint = checkpoint
        self.model = adapt(base.folder, options, device)
        self._parameters = list(trainable(self.model).values())
        self._loss = make_loss(self.model, options, device)
        self._optimizer = torch.optim.AdamW(self._parameters, lr=options.learning_rate, weight_decay=0.0, fused=True)
        trained, self._held_out = hold_out(len(rows), options.held_out, options.seed)
        self._schedule = Schedule(
            trained,
            rows.lengths,
            epochs=options.epochs,
            batch_tokens=options.batch_tokens,
            seed=options.seed,
            max_steps=options.max_steps,
        )
        self._trained_rows = len(trained)
        self._key = digest(base.version, device.kind, device.dtype, _affecting_options(options), rows.sha256)
        self.position = Position()
        self._updating = False
        self.metadata = {**device.metadata, "method": self._loss.method, "adapters": adapted_layers(self.model)}
        context.log.info(
            "training on %s in %s with %s; adapters on %s",
            device.name, device.dtype, self.metadata["method"], self.metadata["adapters"],
        )  # fmt: skip

    def run(self) -> bool:
        """Train to the last step or until the time is over; return whether all steps were done.

        Raises:
            SpecError: The loss became infinite or NaN.
            KeyboardInterrupt: After a checkpoint was saved.
        """
        gpus = [int(self._device.index)] if self._device.index else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(self._options.seed)
            self._resume()
            self._log_length()
            with self._context.progress.task("fine-tuning", self._schedule.total, "steps") as task:
                task.update(self.position.step)
                try:
                    return self._steps(task.advance)
                except KeyboardInterrupt:
                    if not self._updating:
                        self._save()
                    raise

    def metrics(self) -> dict[str, float]:
        """Return the numbers to show."""
        position = self.position
        numbers: dict[str, float] = {
            "steps": position.step,
            "tokens": position.tokens,
            "seconds": position.seconds,
            "tokens_per_second": self._speed(),
            "rows": self._trained_rows,
            "rows_held_out": len(self._held_out),
            "rows_dropped": self._rows.dropped,
            "trainable_parameters": sum(parameter.numel() for parameter in self._parameters),
        }
        losses = [point.held_out_loss for point in position.curve if point.held_out_loss is not None]
        if losses:
            numbers |= {"held_out_loss_before": losses[0], "held_out_loss_after": losses[-1]}
        return numbers

    def _log_length(self) -> None:
        """Log how many steps it takes: how many an epoch has is known once the records are tokens."""
        total, options = self._schedule.total, self._options
        earlier = options.max_steps is not None and total < options.max_steps
        ends = f": epochs={options.epochs:g} ends before max_steps={options.max_steps}" if earlier else ""
        self._context.progress.log(f"fine-tuning takes {total} steps{ends}")

    def _resume(self) -> None:
        checkpoint = load_checkpoint(self._checkpoint, self._key, self._optimizer, self._context.log)
        if checkpoint is not None:
            self.position, adapters = checkpoint
            set_adapter_state(self.model, adapters)
            self._context.progress.log(f"resuming the training from its checkpoint at step {self.position.step}")

    def _steps(self, advance: Callable[..., None]) -> bool:
        start = time.monotonic() - self.position.seconds
        self.model.train()
        if self.position.step == 0:
            self._measure_held_out(start)
        for batch in self._schedule.batches(self.position.step):
            if self._time_is_over(start):
                done = f"{self.position.step} of {self._schedule.total} steps"
                self._context.progress.log(f"max_minutes is over after {done}: the model is marked as truncated")
                self._measure_held_out(start)
                return False
            loss = self._step([self._rows[index] for index in batch], start)
            advance(loss=f"{loss:.3f}", tokens_per_s=f"{self._speed():,.0f}")
            self._measure_or_save(start)
        return True

    def _step(self, rows: list[TrainingRow], start: float) -> float:
        """Train on one batch and return its loss."""
        step_start = time.monotonic()
        loss = self._gradients(rows)
        self._set_learning_rate()
        self._updating = True  # from here to the end of the update, an interrupt keeps the last checkpoint
        self._optimizer.step()
        self._optimizer.zero_grad()
        now = time.monotonic()
        position = self.position
        position.step_seconds += now - step_start
        position.seconds = now - start
        position.tokens += sum(len(row.ids) for row in rows)
        position.step += 1
        position.curve.append(TrainingPoint(position.step, position.tokens, position.seconds, loss))
        self._updating = False
        return loss

    def _gradients(self, rows: list[TrainingRow]) -> float:
        """Compute the clipped gradients of the mean loss of a batch's targets, and return that loss."""
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

    def _measure_or_save(self, start: float) -> None:
        """Measure the held-out loss and save a checkpoint, each at its steps."""
        step, total = self.position.step, self._schedule.total
        count = min(_MOST_MEASUREMENTS, max(1, total // _STEPS_PER_MEASUREMENT))
        if step in {math.ceil(total * number / count) for number in range(1, count + 1)}:
            self._measure_held_out(start)
        if step % self._options.checkpoint_steps == 0 and step < total:
            self._save()

    def _measure_held_out(self, start: float) -> None:
        """Add the loss on the held-out rows to the curve."""
        if not len(self._held_out):
            return
        self.model.eval()
        total, targets = 0.0, 0
        with torch.no_grad():
            for batch in self._held_out_batches():
                total += float(self._loss(batch))
                targets += sum(len(row.targets) for row in batch)
        self.model.train()
        position = self.position
        position.seconds = time.monotonic() - start
        loss = position.curve[-1].loss if position.curve else None
        point = TrainingPoint(position.step, position.tokens, position.seconds, loss, total / targets)
        if position.curve and position.curve[-1].step == position.step:
            position.curve.pop()
        position.curve.append(point)
        self._context.log.info("held-out loss after %d steps: %.4f", position.step, total / targets)

    def _held_out_batches(self) -> list[list[TrainingRow]]:
        options, lengths = self._options, self._rows.lengths
        schedule = Schedule(self._held_out, lengths, epochs=1, batch_tokens=options.batch_tokens, seed=options.seed)
        return [[self._rows[index] for index in batch] for batch in schedule.batches()]

    def _time_is_over(self, start: float) -> bool:
        minutes = self._options.max_minutes
        return minutes is not None and time.monotonic() - start >= _SECONDS_PER_MINUTE * minutes

    def _speed(self) -> float:
        """Tokens (padding not counted) per second of optimizer steps."""
        return self.position.tokens / self.position.step_seconds if self.position.step_seconds else 0.0

    def _save(self) -> None:
        save_checkpoint(self._checkpoint, self._key, self.position, adapter_state(self.model), self._optimizer)


def _affecting_options(options: LoraOptions) -> dict[str, Any]:
    """Return the options that make two trainings different; a time limit only ends one."""
    return {
        name: value for name, value in attrs.asdict(options).items() if name not in ("checkpoint_steps", "max_minutes")
    }
