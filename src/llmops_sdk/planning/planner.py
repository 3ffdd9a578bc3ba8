"""From a specification to a plan: everything that can be checked without reading data is checked here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import check_template
from llmops_sdk.errors import SpecError, UserError, did_you_mean
from llmops_sdk.planning.spec import ComponentSpec, ModelSpec, Override, Spec
from llmops_sdk.plugin.cards import Card, CardKind, DeployerCard, ExecutorCard, ModelCard, TrainerCard
from llmops_sdk.plugin.interfaces import Evaluator, PromptSource
from llmops_sdk.plugin.options import DeployerOptions, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import (
    DEFAULT_REPORTER,
    Cell,
    CompareStep,
    Component,
    GenerateStep,
    Plan,
    PlannedModel,
    PlannedPrompt,
    PrepareStep,
    ScoreStep,
    Step,
    TrainStep,
)
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import digest, to_json

DEFAULT_DATASET = ComponentSpec("dolly")
DEFAULT_PROMPT = ComponentSpec("alpaca")
DEFAULT_EVALUATOR = ComponentSpec("summarization-accuracy")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def make_plan(spec: Spec, registry: Registry, *, offline: bool = False) -> Plan:
    """Check a specification and make its plan.

    Args:
        spec: The specification.
        registry: The plugins.
        offline: Whether no service may be asked for it.

    Raises:
        UserError: Something in it cannot run; one line that says what and how to mend it.
    """
    return _Planner(spec, registry, offline=offline).plan()


def extend_plan(plan: Plan, evaluators: Iterable[ComponentSpec], metric: str, registry: Registry) -> Plan:
    """Return a plan with further evaluators; what its other steps make stays the same.

    Args:
        plan: The plan.
        evaluators: Those to add.
        metric: The metric that decides; empty means the plan's own.
        registry: The plugins.

    Raises:
        UserError: They do not fit.
    """
    present = tuple(
        ComponentSpec(component.use, "" if component.name == component.use else component.name, component.options)
        for component in plan.evaluators
    )
    spec = Spec(name=plan.name, evaluators=(*present, *evaluators), metric=metric or plan.metric)
    return _Planner(spec, registry).extend(plan)


class _Planner:
    """Holds what the parts of one plan share while it is made."""

    def __init__(self, spec: Spec, registry: Registry, *, offline: bool = False) -> None:
        self._spec = spec
        self._offline = offline
        self._registry = registry
        self._used: dict[tuple[str, str], Card] = {}
        self._assets: dict[str, None] = {}
        self._settings: Mapping[str, Mapping[str, Any]] = {}
        self._templates: Mapping[str, PromptTemplate] = {}

    def plan(self) -> Plan:
        spec = self._spec
        if not spec.models:
            message = f"pipeline {spec.name!r} has no model; name one, for example .with_model('smollm2') or `models: [smollm2]`"
            raise SpecError(message)
        self._settings = self._check_settings()
        datasets = self._components("dataset", spec.datasets or (DEFAULT_DATASET,))
        prompts = self._plan_prompts(spec.prompts or (DEFAULT_PROMPT,))
        self._templates = {prompt.name: prompt.template for prompt in prompts}
        evaluators = self._components("evaluator", spec.evaluators or (DEFAULT_EVALUATOR,))
        _check_names("model", spec.models)
        models = tuple(self._model(model, [dataset.name for dataset in datasets]) for model in spec.models)
        _check_distinct(models)
        cells = _cells(datasets, models, prompts)
        pins = self._registry.pins(self._used.values())  # not of reporters: a run does not need them where it runs
        reporters = self._components("reporter", spec.reporters or (ComponentSpec(DEFAULT_REPORTER.use),))
        return Plan(
            name=spec.name,
            datasets=datasets,
            prompts=prompts,
            models=models,
            evaluators=evaluators,
            generation=spec.generation,
            metric=self._metric(evaluators),
            executor=self._component("executor", spec.executor),
            settings=self._settings,
            cells=cells,
            steps=_steps(datasets, models, cells),
            plugins=pins,
            assets=tuple(self._assets),
            reporters=reporters,
        )

    def extend(self, plan: Plan) -> Plan:
        evaluators = self._components("evaluator", self._spec.evaluators)
        pins = {pin.name: pin for pin in (*plan.plugins, *self._registry.pins(self._used.values()))}
        return attrs.evolve(
            plan,
            evaluators=evaluators,
            metric=self._metric(evaluators),
            plugins=tuple(pins.values()),
            assets=tuple(self._assets),
        )

    def _components(self, kind: CardKind, items: Iterable[ComponentSpec]) -> tuple[Component, ...]:
        items = tuple(items)
        _check_names(kind, items)
        return tuple(self._component(kind, item) for item in items)

    def _component(self, kind: CardKind, item: ComponentSpec) -> Component:
        card, options = self._options(kind, item.use, item.options, where=f"{kind} {item.called!r}")
        self._registry.check_extra(card)
        return _planned(item.called, card, options)

    def _options(self, kind: CardKind, use: str, given: Mapping[str, Any], where: str) -> tuple[Card, Any]:
        card = self._registry.offer(kind, use).card
        self._used[(card.kind, card.name)] = card
        if kind not in where or use not in where:
            where = f"{where}: {kind} {use!r}"
        options = self._registry.options(card, _locate_paths(card.options, given, self._spec.folder), where)
        self._assets.update(dict.fromkeys(options.assets()))
        return card, options

    def _plan_prompts(self, items: Iterable[ComponentSpec]) -> tuple[PlannedPrompt, ...]:
        items = tuple(items)
        _check_names("prompt", items)
        return tuple(self._prompt(item) for item in items)

    def _prompt(self, item: ComponentSpec) -> PlannedPrompt:
        card, options = self._options("prompt", item.use, item.options, where=f"prompt {item.called!r}")
        source = self._registry.make("prompt", item.use, to_json(options))
        template = _of_plugin(card, lambda: _prompt_template(source))
        check_template(template, item.called)
        return PlannedPrompt(item.called, item.use, template)

    def _model(self, model: ModelSpec, datasets: list[str]) -> PlannedModel:
        where = f"model {model.called!r}"
        card, options = self._options("model", model.use, model.options, where)
        if not isinstance(card, ModelCard):  # the registry keeps kinds apart; this tells the type checker
            raise SpecError(where)
        base: BaseModel = _of_plugin(card, options.base_model)
        trainer = self._trainer(model, card, base, where)
        if model.train_on and model.train_on not in datasets:
            message = f"{where}: train_on names no dataset of this pipeline: {model.train_on!r}{did_you_mean(model.train_on, datasets)}"
            raise SpecError(message)
        if model.train_on and trainer is None:
            message = f"{where}: train_on says what to fine-tune on, but the model is not fine-tuned"
            raise SpecError(message)
        made_format = base.format
        if trainer is not None:
            made_format = _card(self._registry, "trainer", trainer.use, TrainerCard).produces
        deployer = self._part("deployer", model.deployer, self._spec.deployer, card.deployer, where)
        accepts = _card(self._registry, "deployer", deployer.use, DeployerCard).accepts
        if made_format not in accepts:
            message = f"{where}: deployer {deployer.use!r} serves {', '.join(accepts)} models, and this one is of format {made_format!r}"
            raise SpecError(message)
        self._check_part("deployer", deployer, base)
        return PlannedModel(model.called, model.use, base, trainer, deployer, model.train_on)

    def _trainer(self, model: ModelSpec, card: ModelCard, base: BaseModel, where: str) -> Component | None:
        overridden = model.trainer != Override()
        if model.fine_tune is False:
            if overridden:
                message = f"{where}: it has trainer options, but fine_tune is false; drop one of the two"
                raise SpecError(message)
            return None
        name = model.trainer.use or self._spec.trainer.use or card.trainer
        if not name:
            if model.fine_tune or overridden:
                message = f"{where}: nothing is known that fine-tunes model {card.name!r}; name a trainer with `trainer: {{use: NAME}}`"
                raise SpecError(message)
            return None
        trainer = self._part("trainer", model.trainer, self._spec.trainer, card.trainer, where)
        accepts = _card(self._registry, "trainer", trainer.use, TrainerCard).accepts
        if base.format not in accepts:
            message = f"{where}: trainer {trainer.use!r} trains {', '.join(accepts)} models, and this one is of format {base.format!r}"
            raise SpecError(message)
        self._check_part("trainer", trainer, base)
        return trainer

    def _part(self, kind: CardKind, own: Override, general: Override, default: str, where: str) -> Component:
        """Join a model's own overrides of a part with the pipeline's; the model's own win."""
        use = own.use or general.use or default
        given = {**(general.options if general.use in ("", use) else {}), **own.options}
        card, options = self._options(kind, use, given, where)
        self._registry.check_extra(card)
        return _planned(use, card, options)

    def _check_part(self, kind: CardKind, part: Component, base: BaseModel) -> None:
        """Let the options of a trainer or deployer check the model they are for."""
        card = self._registry.offer(kind, part.use).card
        options = self._registry.options(card, part.options, f"{kind} {part.use!r}")
        if isinstance(options, (TrainerOptions, DeployerOptions)):
            _of_plugin(card, lambda: options.check(base, self._templates, self._settings))
            if self._may_ask():
                _of_plugin(card, lambda: options.check_online(base, self._settings))

    def _may_ask(self) -> bool:
        """Tell whether services may be asked: not offline, nor for an executor that plays them."""
        return (
            not self._offline
            and not _card(self._registry, "executor", self._spec.executor.use, ExecutorCard).emulates_services
        )

    def _metric(self, evaluators: tuple[Component, ...]) -> str:
        metrics: list[Metric] = []
        for evaluator in evaluators:
            made: Evaluator = self._registry.make("evaluator", evaluator.use, evaluator.options)
            metrics.extend(made.metrics)
        names = [metric.name for metric in metrics]
        deciding = [metric.name for metric in metrics if metric.higher_is_better is not None]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            message = f"metric {twice[0]!r} comes from two evaluators; drop it from the options of one"
            raise SpecError(message)
        metric = self._spec.metric or next(iter(deciding), "")
        if metric not in names:
            message = f"no evaluator of this pipeline gives the metric {metric!r}{did_you_mean(metric, names)}"
            if not metric:
                message = "no metric of this pipeline can decide: of none is one end of the scale the better one; add an evaluator whose metric is"
            raise SpecError(message)
        if metric not in deciding:
            others = f"name one of: {', '.join(deciding)}" if deciding else "add an evaluator whose metric can"
            message = f"the metric {metric!r} cannot decide, since neither more nor less of it is better; {others}"
            raise SpecError(message)
        return metric

    def _check_settings(self) -> Mapping[str, Mapping[str, Any]]:
        return {name: self._registry.settings(name, given) for name, given in self._spec.settings.items()}


def _planned(name: str, card: Card, options: Any) -> Component:
    fields = attrs.fields(card.options)
    data = {field.name: to_json(getattr(options, field.name), field.type) for field in fields}
    counted = {field.name: data[field.name] for field in fields if field.metadata.get("affects_results", True)}
    return Component(name, card.name, data, key=digest(card.kind, card.name, card.result_version, counted))


def _card(registry: Registry, kind: CardKind, name: str, cls: type[Any]) -> Any:
    card = registry.offer(kind, name).card
    if not isinstance(card, cls):
        message = f"{kind} {name!r} is offered by a card of another kind: {type(card).__name__}"
        raise SpecError(message)
    return card


def _prompt_template(source: PromptSource) -> Any:
    return source.template()


def _of_plugin(card: Card, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except UserError as exc:
        message = f"{card.kind} {card.name!r}: {exc}"
        raise SpecError(message) from exc


def _locate_paths(options: type, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make a path that exists beside the specification file absolute; a hub id or asset name stays as it is."""
    found = dict(given)
    for field in attrs.fields(options):
        value = found.get(field.name)
        if field.metadata.get("path") and isinstance(value, (str, Path)) and str(value):
            there = (folder / Path(value).expanduser()).absolute()
            if there.exists():
                found[field.name] = str(there)
    return found


def _check_names(kind: str, items: Iterable[ComponentSpec | ModelSpec]) -> None:
    items = tuple(items)
    for item in items:
        if item.name and not _NAME.fullmatch(item.name):
            message = f"the {kind} name {item.name!r} may have letters, digits, '-' and '_' only"
            raise SpecError(message)
    twice = [name for name, count in Counter(item.called for item in items).items() if count > 1]
    if twice:
        message = f"two {kind}s are called {twice[0]!r}; give one of them another name"
        raise SpecError(message)


def _check_distinct(models: tuple[PlannedModel, ...]) -> None:
    seen: dict[str, str] = {}
    for model in models:
        recipe = digest(to_json(model.base), model.trainer and model.trainer.key, model.deployer.key, model.train_on)
        if recipe in seen:
            message = f"models {seen[recipe]!r} and {model.name!r} are the same recipe; comparing them decides nothing"
            raise SpecError(message)
        seen[recipe] = model.name


def _cells(
    datasets: tuple[Component, ...], models: tuple[PlannedModel, ...], prompts: tuple[PlannedPrompt, ...]
) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            name=f"{model.name}.{prompt.name}.{dataset.name}",
            candidate=model.name if len(prompts) == 1 else f"{model.name}.{prompt.name}",
            model=model.name,
            prompt=prompt.name,
            dataset=dataset.name,
        )
        for dataset in datasets
        for model in models
        for prompt in prompts
    )


def _steps(
    datasets: tuple[Component, ...], models: tuple[PlannedModel, ...], cells: tuple[Cell, ...]
) -> tuple[Step, ...]:
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
    if model.trainer is None:
        needs = tuple(dict.fromkeys(f"prepare.{cell.dataset}" for cell in cells))
        yield GenerateStep(f"generate.{model.name}", model.name, "", tuple(cell.name for cell in cells), needs)
        return
    trained: dict[str, list[Cell]] = {}
    for cell in cells:
        trained.setdefault(f"{model.name}.{cell.prompt}.{model.train_on or cell.dataset}", []).append(cell)
    for name, asked in trained.items():
        dataset = model.train_on or asked[0].dataset
        train = TrainStep(f"train.{name}", model.name, asked[0].prompt, dataset, needs=(f"prepare.{dataset}",))
        yield train
        needs = tuple(dict.fromkeys([train.name, *(f"prepare.{cell.dataset}" for cell in asked)]))
        yield GenerateStep(f"generate.{name}", model.name, train.name, tuple(cell.name for cell in asked), needs)
