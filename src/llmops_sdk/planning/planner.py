"""From a specification to a plan: everything that can be checked without reading data is checked here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.components import (
    LONGEST_PIPELINE_NAME,
    Chooser,
    check_distinct,
    check_length,
    components,
)
from llmops_sdk.planning.costs.choose import OnlinePrices, choose_costs, evaluator_prices
from llmops_sdk.planning.decision.baseline import choose_baseline
from llmops_sdk.planning.decision.early_stopping import plan_looks
from llmops_sdk.planning.decision.forms import plan_forms
from llmops_sdk.planning.decision.metric import choose_metric, offered_metrics
from llmops_sdk.planning.decision.retention import RetentionPlanner
from llmops_sdk.planning.decision.weights import choose_weights
from llmops_sdk.planning.graph import make_cells, make_steps
from llmops_sdk.planning.load import plan_load
from llmops_sdk.planning.models import ModelPlanner
from llmops_sdk.planning.prompts import PromptPlanner
from llmops_sdk.planning.repeats import choose_noise_floor
from llmops_sdk.planning.secrets import refuse_secret_urls
from llmops_sdk.planning.specification.spec import ComponentSpec, Spec
from llmops_sdk.plugin.cards import ExecutorCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import DEFAULT_REPORTER, Cell, Component, Plan, PlannedModel
from llmops_sdk.values.prices import Costs

DEFAULT_DATASET = ComponentSpec("dolly")
DEFAULT_EVALUATOR = ComponentSpec("summarization-accuracy")

_LONGEST_CELL_NAME = 200


def make_plan(spec: Spec, registry: Registry, *, offline: bool = False) -> Plan:
    """Check a specification and make its plan.

    Args:
        spec: The specification.
        registry: The plugins.
        offline: Whether no service may be asked about models.

    Raises:
        UserError: Something in it cannot run; the message is one line that says what and how to fix it.
    """
    check_length("pipeline", spec.name, LONGEST_PIPELINE_NAME)
    if not spec.models:
        message = (
            f"pipeline {spec.name!r} has no model; name one, for example .with_model('smollm2') or `models: [smollm2]`"
        )
        raise SpecError(message)
    chooser = Chooser(registry, spec.folder)
    refuse_secret_urls(spec.settings, "settings")
    settings = {plugin: registry.check_settings(plugin, values) for plugin, values in spec.settings.items()}
    datasets = components(chooser.choose_all("dataset", spec.datasets or (DEFAULT_DATASET,)))
    prompts = PromptPlanner(spec.prompts, registry, chooser, offline=offline)
    evaluators = chooser.choose_all("evaluator", spec.evaluators or (DEFAULT_EVALUATOR,))
    executor = chooser.choose("executor", spec.executor.use, spec.executor.options)
    may_ask = not offline and not registry.card(ExecutorCard, spec.executor.use).emulates_services
    models = ModelPlanner(
        spec=spec,
        registry=registry,
        chooser=chooser,
        datasets=tuple(dataset.name for dataset in datasets),
        prompts=prompts,
        settings=settings,
        may_ask=may_ask,
    ).plan_models()
    metrics = offered_metrics(evaluators, registry)
    metric = choose_metric(metrics, spec.decide_by)
    cells = make_cells(datasets, models)
    baseline = choose_baseline(cells, metric, spec.baseline, spec.margin)
    retention = None
    if spec.retention:
        retention = RetentionPlanner(chooser, registry, datasets, models).plan(spec.retention, metrics, metric)
    _check_cell_names((*cells, *(retention.cells if retention else ())))
    looks = plan_looks(spec, cells)
    steps = make_steps(datasets, models, cells, len(looks), retention)
    online = OnlinePrices(registry, settings) if may_ask else None
    asked = (*models, *(retention.models if retention else ()))
    costs = _choose_costs(spec, asked, components(evaluators), registry, online)
    return Plan(
        name=spec.name,
        datasets=datasets,
        prompts=prompts.plan_prompts(),
        models=models,
        evaluators=components(evaluators),
        generation=spec.generation,
        metric=metric.name,
        baseline=baseline,
        margin=spec.margin,
        weights=choose_weights(spec, [dataset.name for dataset in datasets], cells),
        noise_floor=choose_noise_floor(cells, models, baseline, registry) if spec.noise_floor else (),
        executor=executor.component,
        settings=settings,
        cells=cells,
        steps=steps,
        looks=looks,
        retention=retention,
        plugins=chooser.plugins,
        assets=chooser.assets,
        reporters=_plan_reporters(spec, registry),
        costs=costs,
        load=plan_load(spec.load, models, steps, registry),
        forms=plan_forms(models, [model.serve_as for model in spec.models if model.serve_as], metric),
    )


def extend_plan(plan: Plan, evaluators: Iterable[ComponentSpec], metric: str, registry: Registry) -> Plan:
    """Return a plan with further evaluators; the results of its other steps stay the same.

    Args:
        plan: The plan.
        evaluators: Those to add.
        metric: The metric that decides; empty means the plan's own.
        registry: The plugins.

    Raises:
        UserError: They do not fit.
    """
    chooser = Chooser(registry, Path())
    present = tuple(chooser.recorded("evaluator", component) for component in plan.evaluators)
    chosen = (*present, *chooser.choose_all("evaluator", evaluators))
    check_distinct("evaluator", (item.component.name for item in chosen))
    decisive = choose_metric(offered_metrics(chosen, registry), metric or plan.metric)
    is_same = decisive.name == plan.metric
    if plan.looks and not is_same:
        message = (
            f"candidates of this run stopped early by {plan.metric!r}, so {decisive.name!r} cannot decide: their records were "
            "chosen by the other metric"
        )
        raise SpecError(message)
    baseline, margin = (plan.baseline, plan.margin) if is_same else ("", None)  # a margin is in its metric's unit
    added = evaluator_prices(components(chosen), registry)
    pins = {pin.name: pin for pin in (*plan.plugins, *chooser.plugins)}
    return attrs.evolve(
        plan,
        evaluators=components(chosen),
        metric=decisive.name,
        baseline=baseline,
        margin=margin,
        plugins=tuple(pins.values()),
        assets=chooser.assets,
        costs=attrs.evolve(plan.costs, evaluators={**added, **plan.costs.evaluators}),
    )


def _check_cell_names(cells: Iterable[Cell]) -> None:
    """Check the joined names of cells, which are the names of files."""
    longest = max(cells, key=lambda cell: len(cell.name))
    if len(longest.name.encode()) > _LONGEST_CELL_NAME:
        message = (
            f"the names of model {longest.model!r}, prompt {longest.prompt!r} and dataset {longest.dataset!r} have more "
            f"than {_LONGEST_CELL_NAME} characters together; shorten one"
        )
        raise SpecError(message)


def _choose_costs(
    spec: Spec,
    models: tuple[PlannedModel, ...],
    evaluators: tuple[Component, ...],
    registry: Registry,
    online: OnlinePrices | None,
) -> Costs:
    """Return the prices of the models, and of those that evaluators ask; where services are emulated, nothing is billed as it would be."""
    prices = spec.folder / spec.prices if spec.prices else None
    stated = Costs(traffic=spec.traffic, budget=spec.budget)
    costs = choose_costs(models, evaluators, registry, prices, stated, online=online)
    is_emulated = registry.card(ExecutorCard, spec.executor.use).emulates_services
    return Costs(traffic=costs.traffic) if is_emulated else costs


def _plan_reporters(spec: Spec, registry: Registry) -> tuple[Component, ...]:
    """Return the reporters. Their plugins are not pinned: a worker on another machine needs none of them."""
    default = (ComponentSpec(DEFAULT_REPORTER.use),)
    return components(Chooser(registry, spec.folder).choose_all("reporter", spec.reporters or default))
