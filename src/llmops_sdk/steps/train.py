"""The `train` step: fine-tune one model recipe on one dataset under one prompt, once in a store."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.plugin.interfaces import Trainer
from llmops_sdk.steps.cell.costs import BILLABLE_SECONDS
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.steps.resources import managed_resources
from llmops_sdk.steps.spending.budget import metered
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.plan import TrainStep
from llmops_sdk.values.serial import digest, to_json


def train(execution: StepExecution, step: TrainStep) -> StepOutput:
    """Train the model unless the store has it.

    Raises:
        DataError: The dataset has no train records.
    """
    plan = execution.run.plan
    model, prompt = plan.model_by_name[step.model], plan.prompt_by_name[step.prompt]
    component = model.trainer_of(step.seed)
    if component is None:
        message = f"model {model.name!r} has no trainer"
        raise ValueError(message)
    trainer: Trainer = execution.runtime.registry.make("trainer", component.use, component.options)
    with execution.splits(step.dataset, step.prompt) as splits:
        if splits.train.records == 0:
            message = f"dataset {step.dataset!r} has no train records to fine-tune {model.name!r} on"
            raise DataError(message)
        fingerprint = trainer.fingerprint(
            execution.context("trainer", component.use, execution.runtime.home), model.base
        )
        trainer_key = execution.key_of("trainer", component)
        key = digest(trainer_key, to_json(model.base), fingerprint, splits.train.key, prompt.key)
        address = f"model/{key}"

        def train_model(folder: Path) -> TrainedModel:
            context = execution.context("trainer", component.use, folder)
            resources = trainer.resources(context)
            price = plan.costs.of(model.name).training_price
            with (
                metered(execution, price) as meter,
                managed_resources(execution, resources, lambda resource: trainer.delete(context, resource)) as add,
            ):
                context = attrs.evolve(context, add_resource=add)
                trained = trainer.train(context, model.base, splits, prompt.template)
                meter.billed_seconds = trained.metrics.get(BILLABLE_SECONDS)
                return trained

        built = execution.build_artifact(address, train_model)
    inputs = {
        **execution.parts_of("trainer", component),
        f"the base weights of model {model.name!r}": digest(to_json(model.base), fingerprint),
        f"the train records of dataset {step.dataset!r}": splits.train.key,
        f"the prompt {step.prompt!r}": prompt.key,
    }
    return StepOutput({"model": address}, built.cached, inputs=inputs)
