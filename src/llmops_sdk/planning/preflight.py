"""What must hold before a run costs anything: looked at by every run, by `llmops plan` and by `llmops doctor --for`.

The options class of a trainer or deployer may have a method `checks(base, settings)` that yields checks: `base` is the
model's base weights, `settings` are those of all plugins. That of an executor may have `checks(plan)`. Unlike the checks
of `llmops doctor`, these may ask a service, and change nothing there.

A run without a network may ask none. What must hold for it is that its datasets, models and evaluators find here what
they would otherwise fetch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from llmops_sdk.assets.asset import find_asset
from llmops_sdk.errors import AssetError, LLMOpsError, UserError
from llmops_sdk.plugin.cards import CardKind, ExecutorCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.options import DeployerOptions, ExecutorOptions, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import Component, Plan


def preflight_checks(plan: Plan, registry: Registry) -> tuple[Check, ...]:
    """Return the checks of a plan's executor, trainers and deployers, each name once.

    There are none where the executor plays the services that they use.
    """
    if _emulates_services(plan, registry):
        return ()
    found = list(_of_part(plan, registry, "executor", plan.executor))
    for model in plan.models:
        if model.trainer is not None:
            found += _of_part(plan, registry, "trainer", model.trainer, model.base)
        found += _of_part(plan, registry, "deployer", model.deployer, model.base)
    by_name: dict[str, Check] = {}
    for check in found:
        by_name.setdefault(check.name, check)
    return tuple(by_name.values())


def input_checks(plan: Plan, registry: Registry, home: Path) -> Iterator[Check]:
    """Yield a check for each dataset, model and evaluator of a plan: is what it reads on this machine?

    Each asks for the exact version of what is read, as a run does before it uses it, without a network. Looking fetches
    nothing. An asset of the plan that is not here yet is no error: it is brought, or refused, before the first step.
    There are none for models where the executor plays the services that serve them.

    Args:
        plan: What will be run.
        registry: The installed plugins.
        home: The cache of this machine.
    """
    context = _offline_context(plan, registry, home)

    def check(kind: CardKind, part: Component, name: str, *base: BaseModel) -> Check:
        def find() -> Finding:
            try:
                version = registry.make(kind, part.use, part.options).fingerprint(context, *base)
            except _NotYetHereError as exc:
                return Finding("ok", str(exc))
            except UserError as exc:
                return Finding("error", str(exc))
            return Finding("ok", f"version {version[:12]}" if version else "needs nothing more")

        return Check(name, find)

    for dataset in plan.datasets:
        yield check("dataset", dataset, f"dataset {dataset.name}")
    for model in () if _emulates_services(plan, registry) else plan.models:
        kind: CardKind = "trainer" if model.trainer else "deployer"
        yield check(kind, model.trainer or model.deployer, f"model {model.name}", model.base)
    for evaluator in plan.evaluators:
        yield check("evaluator", evaluator, f"evaluator {evaluator.name}")


def run_check(check: Check) -> Finding:
    """Make a check; one that breaks off is a finding."""
    try:
        return check.run()
    except LLMOpsError as exc:
        return Finding("error", str(exc))
    except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
        return Finding("error", f"the check itself failed: {type(exc).__name__}: {exc}")


def require(checks: Iterable[Check], progress: Progress) -> None:
    """Make all checks, tell the warnings, and require at an error.

    Raises:
        UserError: Every error, with what mends it.
    """
    problems: dict[str, list[str]] = {}
    for check in checks:
        finding = run_check(check)
        told = f"{finding.text}{f'; {finding.hint}' if finding.hint else ''}"
        if finding.status == "error":
            problems.setdefault(told, []).append(check.name)
        elif finding.status == "warning":
            progress.log(f"warning: {check.name}: {told}")
    if problems:
        all_of_them = " -- ".join(f"{', '.join(names)}: {told}" for told, names in problems.items())
        message = f"nothing was started: {all_of_them}"
        raise UserError(message)


def _of_part(
    plan: Plan, registry: Registry, kind: CardKind, part: Component, base: BaseModel | None = None
) -> Iterator[Check]:
    card = registry.offer(kind, part.use).card
    options = registry.options(card, part.options, f"{kind} {part.use!r}")
    if isinstance(options, ExecutorOptions):
        yield from options.preflight(plan)
    elif isinstance(options, (TrainerOptions, DeployerOptions)) and base is not None:
        yield from options.preflight(base, plan.settings)


def _emulates_services(plan: Plan, registry: Registry) -> bool:
    executor = registry.offer("executor", plan.executor.use).card
    return isinstance(executor, ExecutorCard) and executor.emulates_services


class _NotYetHereError(AssetError):
    """An asset is wanted that the run will bring, or require to begin without."""


def _offline_context(plan: Plan, registry: Registry, home: Path) -> Context:
    """Make what a plugin is handed by a run without a network, but for its assets: they are found, never fetched."""

    def asset(name: str) -> Path:
        wanted = registry.asset(name)
        folder = find_asset(wanted, home)
        if folder is not None:
            return folder
        if name in plan.assets or not all(source.needs_network for source in wanted.sources):
            message = f"its version is known once the asset {name!r} is here"
            raise _NotYetHereError(message)
        message = f"it needs the asset {name!r}"
        raise AssetError(message)

    return Context(
        run_id="none",
        step="inputs",
        folder=home,
        home=home,
        offline=True,
        progress=Progress(),
        log=logging.getLogger("llmops.inputs"),
        settings=plan.settings,
        make=registry.make,
        asset=asset,
    )
