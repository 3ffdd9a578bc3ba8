"""What a run without a network reads, and whether it is on this machine: its datasets, models and evaluators."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs

from llmops_sdk.assets.asset import find_asset
from llmops_sdk.errors import AssetError, UserError
from llmops_sdk.plugin.cards import CardKind, ExecutorCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import Component, Plan


def input_checks(plan: Plan, registry: Registry, home: Path) -> Iterator[Check]:
    """Yield a check for each dataset, model and evaluator of a plan: is everything it reads on this machine?

    Each asks for the exact version of what is read, as a run does before it uses it, without a network and without
    downloading anything. A missing asset of the plan is no error: the run fetches it before its first step, or refuses
    to start. There are no checks of models if the executor emulates the services that serve them.

    Args:
        plan: The plan.
        registry: The installed plugins.
        home: The cache of this machine.
    """
    for dataset in plan.dataset_by_name.values():
        yield _InputCheck(plan, registry, home, "dataset", dataset).named(f"dataset {dataset.name!r}")
    emulates_services = registry.card(ExecutorCard, plan.executor.use).emulates_services
    for model in () if emulates_services else plan.model_by_name.values():
        kind: CardKind = "trainer" if model.trainer else "deployer"
        component = model.trainer or model.deployer
        yield _InputCheck(plan, registry, home, kind, component, (model.base,)).named(f"model {model.name!r}")
    for evaluator in plan.evaluators:
        yield _InputCheck(plan, registry, home, "evaluator", evaluator).named(f"evaluator {evaluator.name!r}")


@attrs.frozen
class _InputCheck:
    """Whether one component finds on this machine what it reads.

    Attributes:
        plan: The plan.
        registry: The installed plugins.
        home: The cache of this machine.
        kind: The component's kind.
        component: The component.
        arguments: What its `fingerprint` gets besides the context.
    """

    plan: Plan
    registry: Registry
    home: Path
    kind: CardKind
    component: Component
    arguments: tuple[BaseModel, ...] = ()

    def named(self, name: str) -> Check:
        return Check(name, self._run)

    def _run(self) -> Finding:
        try:
            implementation = self.registry.make(self.kind, self.component.use, self.component.options)
            version = implementation.fingerprint(self._context(), *self.arguments)
        except _NotYetFetchedError as exc:
            return Finding("ok", str(exc))
        except UserError as exc:
            return Finding("error", str(exc))
        return Finding("ok", f"version {version[:12]}" if version else "needs nothing more")

    def _context(self) -> Context:
        """Make the context of a run without a network, except for assets: they are found, never fetched."""
        context = Context(
            step="inputs",
            folder=self.home,
            home=self.home,
            offline=True,
            make=self.registry.make,
            asset=self._find_asset,
            settings_of=partial(self.registry.settings_of, self.plan.settings),
        )
        return context.for_card(self.kind, self.component.use)

    def _find_asset(self, name: str) -> Path:
        asset = self.registry.asset(name)
        folder = find_asset(asset, self.home)
        if folder is not None:
            return folder
        if name in self.plan.assets or not all(source.needs_network for source in asset.sources):
            message = f"its version is known once the asset {name!r} is here"
            raise _NotYetFetchedError(message)
        message = f"it needs the asset {name!r}"
        raise AssetError(message)


class _NotYetFetchedError(AssetError):
    """An asset is missing that the run will fetch before its first step."""
