"""The cells of a plan and the steps that produce their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from llmops_sdk.values.plan import (
    Cell,
    CompareStep,
    Component,
    GenerateStep,
    LookStep,
    PlannedModel,
    PlannedRetention,
    PrepareStep,
    ScoreStep,
    Step,
    TrainStep,
    at_look,
)


def make_cells(datasets: tuple[Component, ...], models: tuple[PlannedModel, ...]) -> tuple[Cell, ...]:
    """Return every model with each of its prompts on every dataset, once for each of its seeds."""
    return tuple(
        Cell(
            name=of_seed(f"{model.name}.{prompt}.{dataset.name}", seed),
            candidate=candidate_of(model, prompt),
            model=model.name,
            prompt=prompt,
            dataset=dataset.name,
            seed=seed,
        )
        for dataset in datasets
        for model in models
        for prompt in model.prompts
        for seed in model.seeds or (None,)
    )


def candidate_of(model: PlannedModel, prompt: str) -> str:
    """Return the name of a candidate: its model's, with its prompt's where the model is asked with several."""
    return model.name if len(model.prompts) == 1 else f"{model.name}.{prompt}"


def make_steps(
    datasets: tuple[Component, ...],
    models: tuple[PlannedModel, ...],
    cells: tuple[Cell, ...],
    looks: int = 0,
    retention: PlannedRetention | None = None,
) -> tuple[Step, ...]:
    """Return the steps of a plan, each after the steps that it needs.

    Args:
        datasets: The datasets.
        models: The model recipes.
        cells: The cells.
        looks: The number of planned looks; 0 for one comparison at the end.
        retention: What tuned candidates are asked besides, or None.
    """
    steps: list[Step] = [PrepareStep(f"prepare.{dataset.name}", dataset.name) for dataset in datasets]
    if retention:
        steps.append(_prepare_retention(retention))
        models, cells = (*models, *retention.models), (*cells, *retention.cells)
    by_model: dict[str, list[Cell]] = {model.name: [] for model in models}
    for cell in cells:
        by_model[cell.model].append(cell)
    trained: set[str] = set()
    for model in models:
        for step in _model_steps(model, by_model[model.name], retention):
            if isinstance(step, TrainStep):  # the forms of a model share its training
                if step.name in trained:
                    continue
                trained.add(step.name)
            steps.append(step)
            if isinstance(step, GenerateStep):
                steps.extend(ScoreStep(f"score.{cell}", cell, needs=(step.name,)) for cell in step.cells)
    scores = tuple(step.name for step in steps if isinstance(step, ScoreStep))
    steps.append(CompareStep("compare", needs=scores))
    return tuple(_at_looks(steps, looks) if looks else steps)


def _at_looks(steps: Iterable[Step], looks: int) -> Iterator[Step]:
    """Yield the steps of a plan with planned looks: asking, scoring and comparing once for each.

    All but the last comparison are looks, after which the candidates that are left are asked more records.
    """
    for look in range(1, looks + 1):
        for step in steps:
            if isinstance(step, GenerateStep):
                earlier = (at_look(step.name, look - 1), f"look.{look - 1}") if look > 1 else ()
                yield attrs.evolve(step, name=at_look(step.name, look), needs=(*step.needs, *earlier), look=look)
            elif isinstance(step, ScoreStep):
                needs = tuple(at_look(need, look) for need in step.needs)
                yield attrs.evolve(step, name=at_look(step.name, look), needs=needs, look=look)
            elif isinstance(step, CompareStep):
                needs = tuple(at_look(need, look) for need in step.needs)
                yield LookStep(f"look.{look}", look, needs) if look < looks else attrs.evolve(step, needs=needs)
            elif look == 1:
                yield step


def _prepare_retention(retention: PlannedRetention) -> PrepareStep:
    """Return the step that prepares its dataset: after those that are trained on, with which it must not overlap."""
    trained_on = dict.fromkeys(cell.trained_on for cell in retention.cells if cell.trained_on)
    needs = tuple(f"prepare.{dataset}" for dataset in trained_on)
    return PrepareStep(f"prepare.{retention.dataset.name}", retention.dataset.name, needs)


def _model_steps(
    model: PlannedModel, cells: list[Cell], retention: PlannedRetention | None
) -> Iterable[TrainStep | GenerateStep]:
    """Yield one `generate` step for a base model; a `train` and a `generate` step for each training of another one."""
    if model.trainer is None:
        needs = tuple(dict.fromkeys(f"prepare.{cell.dataset}" for cell in cells))
        yield GenerateStep(f"generate.{model.name}", model.name, "", tuple(cell.name for cell in cells), needs)
        return
    by_training: dict[str, list[Cell]] = {}
    for cell in cells:
        prompt, dataset = model.train_prompt or cell.prompt, model.train_on or cell.trained_on or cell.dataset
        by_training.setdefault(of_seed(f"{prompt}.{dataset}", cell.seed), []).append(cell)
    for name, asked in by_training.items():
        first = asked[0]
        prompt, dataset = model.train_prompt or first.prompt, model.train_on or first.dataset
        prepared = [dataset, retention.dataset.name] if retention else [dataset]  # nothing is trained on an overlap
        train_needs = tuple(f"prepare.{each}" for each in prepared)
        train = TrainStep(
            f"train.{model.form_of or model.name}.{name}", model.name, prompt, dataset, train_needs, first.seed
        )
        yield train
        needs = tuple(dict.fromkeys([train.name, *(f"prepare.{cell.dataset}" for cell in asked)]))
        yield GenerateStep(
            f"generate.{model.name}.{name}", model.name, train.name, tuple(cell.name for cell in asked), needs
        )


def of_seed(name: str, seed: int | None) -> str:
    """Return the name of what is made once for each seed."""
    return name if seed is None else f"{name}.seed{seed}"
