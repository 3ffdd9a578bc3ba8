"""Preflight: what must hold before a run costs anything. `llmops plan` and `llmops doctor --for` show it too.

An executor, a trainer and a deployer have these checks in their options (`preflight`). Unlike the checks of `llmops
doctor`, they may ask a service, but they change nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from llmops_sdk.assets.asset import Asset, find_asset, verify_asset
from llmops_sdk.errors import LLMOpsError, UserError
from llmops_sdk.planning.repeats import repeat_checks
from llmops_sdk.plugin.cards import CardKind, ExecutorCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.plugin.options import DeployerOptions, EvaluatorOptions, ExecutorOptions, Options, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.values.plan import Component, Plan, PlannedModel


def preflight_checks(plan: Plan, registry: Registry, *, offline: bool = False) -> tuple[Check, ...]:
    """Return the checks of a plan's executor, trainers and deployers, each name once.

    There are none if the executor emulates the services that they use.

    Args:
        plan: The plan.
        registry: The installed plugins.
        offline: Only the checks that use no network.
    """
    if registry.card(ExecutorCard, plan.executor.use).emulates_services:
        return ()
    checks = [] if offline else list(_executor_checks(plan, registry))
    for model in plan.model_by_name.values():
        if model.trainer is not None:
            checks += _component_checks(plan, registry, ("trainer", model.trainer), model, offline=offline)
        checks += _component_checks(plan, registry, ("deployer", model.deployer), model, offline=offline)
    return (*_each_name_once(checks), *repeat_checks(plan, registry))


def scoring_checks(plan: Plan, registry: Registry, home: Path) -> tuple[Check, ...]:
    """Return the checks of this machine before it runs the evaluators of a plan, each name once.

    They are those of the assets that a run does not fetch, and the evaluators' own.
    """
    assets = (registry.asset(name) for name in plan.assets)
    requested = [asset_check(asset, home, offline=False, needed=True) for asset in assets if asset.on_request]
    return _each_name_once([*requested, *_evaluator_checks(plan, registry)])


def machine_checks(plan: Plan, registry: Registry, home: Path, *, offline: bool = False) -> tuple[Check, ...]:
    """Return the checks of all assets that a plan needs, and of its evaluators if they run on this machine."""
    executor = registry.make("executor", plan.executor.use, plan.executor.options)
    assets = (registry.asset(name) for name in plan.assets)
    checks = [asset_check(asset, home, offline=offline, needed=not executor.remote) for asset in assets]
    return _each_name_once(checks if executor.remote else [*checks, *_evaluator_checks(plan, registry)])


def training_lengths(plan: Plan, registry: Registry) -> dict[str, str]:
    """Return how long each fine-tuned model of a plan is trained, in words, as far as its options decide it."""
    lengths = {}
    for model in plan.models:
        if model.trainer is not None:
            card = registry.offer("trainer", model.trainer.use).card
            options: TrainerOptions = registry.options(card, model.trainer.options, f"trainer {card.name!r}")
            lengths[model.name] = options.length()
    return lengths


def asset_check(asset: Asset, home: Path, *, offline: bool, needed: bool = False) -> Check:
    """Return the check whether an asset is on this machine.

    Args:
        asset: The asset.
        home: The cache of this machine.
        offline: Whether a missing one is an error, since an offline run may not download it.
        needed: Whether a run on this machine needs it.
    """

    def check() -> Finding:
        folder = find_asset(asset, home)
        if folder is not None:
            return Finding("ok", f"'{folder}'")
        problem, command = "; ".join(verify_asset(asset, home)), f"llmops assets get {asset.name}"
        if not offline and asset.on_request and needed:
            return Finding("error", problem, command)
        if not offline:
            runs = "a run on this machine does not fetch it" if asset.on_request else "a run that needs it downloads it"
            return Finding("warning", f"{problem}; {runs}", command)
        copy = f"run '{command}' on a machine with a network, and copy its folder to '{home / 'assets' / asset.name}'"
        sources = " and ".join(source.label for source in asset.sources if not source.needs_network)
        return Finding(
            "error", problem, f"run '{command} --offline' to take it from {sources}; or {copy}" if sources else copy
        )

    return Check(f"asset {asset.name}", check)


def run_check(check: Check) -> Finding:
    """Run a check; one that fails is a finding too."""
    try:
        with prints_to_stderr():
            return check.run()
    except LLMOpsError as exc:
        return Finding("error", str(exc))
    except PLUGIN_FAILURES as exc:
        return Finding("error", f"the check itself failed: {describe_failure(exc)}")


def require(checks: Iterable[Check], progress: Progress) -> None:
    """Run all checks, log the warnings, and raise if there is an error.

    Raises:
        UserError: The message has every error and how to fix it.
    """
    errors: dict[str, list[str]] = {}
    for check in checks:
        finding = run_check(check)
        text = f"{finding.text}{f'; {finding.hint}' if finding.hint else ''}"
        if finding.status == "error":
            errors.setdefault(text, []).append(check.name)
        elif finding.status == "warning":
            progress.log(f"warning: {check.name}: {text}")
    if errors:
        every_error = " -- ".join(f"{', '.join(names)}: {text}" for text, names in errors.items())
        message = f"nothing was started: {every_error}"
        raise UserError(message)


def _options(registry: Registry, kind: CardKind, component: Component) -> Options:
    card = registry.offer(kind, component.use).card
    options: Options = registry.options(card, component.options, f"{kind} {component.use!r}")
    return options


def _executor_checks(plan: Plan, registry: Registry) -> Iterable[Check]:
    options = _options(registry, "executor", plan.executor)
    return options.preflight(plan) if isinstance(options, ExecutorOptions) else ()


def _component_checks(
    plan: Plan, registry: Registry, part: tuple[CardKind, Component], model: PlannedModel, *, offline: bool
) -> Iterator[Check]:
    """Yield the checks of a trainer or a deployer, given with its kind."""
    kind, component = part
    options = _options(registry, kind, component)
    if isinstance(options, (TrainerOptions, DeployerOptions)):
        settings = registry.settings_of(plan.settings, kind, component.use)
        yield from options.local_checks(model.base, settings)
        trainer = None if model.trainer is None else _options(registry, "trainer", model.trainer)
        if offline:
            return
        if isinstance(options, DeployerOptions) and isinstance(trainer, TrainerOptions):
            yield from options.trained_preflight(model.base, trainer, settings)
        else:
            yield from options.preflight(model.base, settings)


def _evaluator_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    for evaluator in plan.evaluators:
        options = _options(registry, "evaluator", evaluator)
        if isinstance(options, EvaluatorOptions):
            yield from options.local_checks()


def _each_name_once(checks: Iterable[Check]) -> tuple[Check, ...]:
    by_name: dict[str, Check] = {}
    for check in checks:
        by_name.setdefault(check.name, check)
    return tuple(by_name.values())
