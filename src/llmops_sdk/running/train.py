"""The `train` step: fine-tune one model recipe on one data set under one prompt, once in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmops_sdk.errors import DataError
from llmops_sdk.interfaces import Trainer
from llmops_sdk.plans import TrainStep
from llmops_sdk.running.job import Job, Made
from llmops_sdk.running.resources import guarded
from llmops_sdk.serial import digest, to_json


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
            message = f"data set {step.dataset!r} has no train records to fine-tune {model.name!r} on"
            raise DataError(message)
        fingerprint = trainer.fingerprint(job.context(job.runtime.home), model.base)
        address = (
            f"model/{digest(model.trainer.key, to_json(model.base), fingerprint, splits.train.sha256, prompt.key)}"
        )

        def make(folder: Path) -> Any:
            context = job.context(folder)
            with guarded(job, trainer.resources(context), lambda resource: trainer.delete(context, resource)):
                return to_json(trainer.train(context, model.base, splits, prompt.template))

        once = job.make_once(address, make)
    return Made({"model": address}, once.cached)
