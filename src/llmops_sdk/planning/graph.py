"""The cells of a plan and the steps that produce their results."""

from __future__ import annotations

from collections.abc import Iterable

from llmops_sdk.values.plan import (
    Cell,
    CompareStep,
    Component,
    GenerateStep,
    PlannedModel,
    PrepareStep,
    ScoreStep,
    Step,
    TrainStep,
)


def make_cells(datasets: tuple[Component, ...], models: tuple[PlannedModel, ...]) -> tuple[Cell, ...]:
    """Return every model with each of its prompts on every dataset.

    A candidate is called like its model, and like its prompt too where the model is asked with several.
    """
    return tuple(
        Cell(
            name=f"{model.name}.{prompt}.{dataset.name}",
            candidate=model.name if len(model.prompts) == 1 else f"{model.name}.{prompt}",
            model=model.name,
            prompt=prompt,
            dataset=dataset.name,
        )
        for dataset in datasets
        for model in models
        for prompt in model.prompts
    )


def make_steps(
    datasets: tuple[Component, ...], models: tuple[PlannedModel, ...], cells: tuple[Cell, ...]
) -> tuple[Step, ...]:
    """Return the steps of a plan, each after the steps that it needs."""
    steps: list[Step] = [PrepareStep(f"prepare.{dataset.name}", dataset.name) for dataset in datasets]
    by_model: dict[str, list[Cell]] = {model.name: [] for model in models}
    for cell in cells:
        by_model[cell.model].append(cell)
    for model in models:
        for step in _model_steps(model, by_model[model.name]):
            steps.append(step)
            if isinstance(step, GenerateStep):
                steps.extend(ScoreStep(f"score.{cell}", cell, needs=(step.name,)) for cell in step.cells)
    scores = tuple(step.name for step in steps if isinstance(step, ScoreStep))
    return (*steps, CompareStep("compare", needs=scores))


def _model_steps(model: PlannedModel, cells: list[Cell]) -> Iterable[TrainStep | GenerateStep]:
    """Yield one `generate` step for a base model; a `train` and a `generate` step for each training of another one."""
    if model.trainer is None:
        needs = tuple(dict.fromkeys(f"prepare.{cell.dataset}" for cell in cells))
        yield GenerateStep(f"generate.{model.name}", model.name, "", tuple(cell.name for cell in cells), needs)
        return
    by_training: dict[str, list[Cell]] = {}
    for cell in cells:
        prompt, dataset = model.train_prompt or cell.prompt, model.train_on or cell.dataset
        by_training.setdefault(f"{model.name}.{prompt}.{dataset}", []).append(cell)
    for name, asked in by_training.items():
        prompt, dataset = model.train_prompt or asked[0].prompt, model.train_on or asked[0].dataset
        train = TrainStep(f"train.{name}", model.name, prompt, dataset, needs=(f"prepare.{dataset}",))
        yield train
        needs = tuple(dict.fromkeys([train.name, *(f"prepare.{cell.dataset}" for cell in asked)]))
        yield GenerateStep(f"generate.{name}", model.name, train.name, tuple(cell.name for cell in asked), needs)
