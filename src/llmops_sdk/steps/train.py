"""The `train` step: fine-tune one model recipe on one dataset under one prompt, once in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmops_sdk.errors import DataError
from llmops_sdk.plugin.interfaces import Trainer
from llmops_sdk.steps.job import Job, Made
from llmops_sdk.steps.resources import managed_resources
from llmops_sdk.values.plan import TrainStep
from llmops_sdk.values.serial import digest, to_json


def train(job: Job, step: TrainStep) -> Made:
    """Make the trained model unless it is there."""
    plan = job.run.plan
    model, prompt = plan.model_by_name[step.model], plan.prompt_by_name[step.prompt]
    if model.trainer is None:
        message = f"model {model.name!r} has no trainer"
        raise ValueError(message)
    trainer: Trainer = job.runtime.registry.make("trainer", model.trainer.use, model.trainer.options)
    with job.splits(step.dataset) as splits:
        if splits.train.records == 0:
            message = f"dataset {step.dataset!r} has no train records to fine-tune {model.name!r} on"
            raise DataError(message)
        fingerprint = trainer.fingerprint(job.context(job.runtime.home), model.base)
        address = (
            f"model/{digest(model.trainer.key, to_json(model.base), fingerprint, splits.train.sha256, prompt.key)}"
        )

        def make(folder: Path) -> Any:
            context = job.context(folder)
            with managed_resources(job, trainer.resources(context), lambda resource: trainer.delete(context, resource)):
                return to_json(trainer.train(context, model.base, splits, prompt.template))

        once = job.make_once(address, make)
    return Made({"model": address}, once.cached)
