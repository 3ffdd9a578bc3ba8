"""Which price each model of a plan has: the user's own, or that of the table that ships with the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.components import call_plugin
from llmops_sdk.planning.costs.price_file import PriceFile, read_prices
from llmops_sdk.planning.costs.table import shipped_price
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.options import DeployerOptions, EvaluatorOptions, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import Component, PlannedModel
from llmops_sdk.values.prices import Billing, Costs, ModelPrices, Price


@attrs.define
class OnlinePrices:
    """What services state of the hours of their machines; each is asked once.

    Attributes:
        registry: The plugins, whose options ask.
        settings: Plugin name to its settings.
    """

    registry: Registry
    settings: Mapping[str, Mapping[str, Any]]
    _known: dict[tuple[str, str, str], Price | None] = attrs.field(factory=dict)

    def of(self, kind: CardKind, component: Component, base: BaseModel, billing: Billing) -> Price | None:
        """Return the price of an hour of all machines of a trainer or a deployer, or None where it is not known.

        Args:
            kind: The kind of its card.
            component: The trainer or the deployer.
            base: The base weights of its model.
            billing: How it is billed.
        """
        key = kind, component.use, billing.unit
        if key not in self._known:
            card = self.registry.offer(kind, component.use).card
            options = self.registry.options(card, component.options, f"{kind} {card.name!r}")
            settings = self.registry.settings_of(self.settings, kind, card.name)
            self._known[key] = call_plugin(card, lambda: options.online_price(base, settings))
        price = self._known[key]
        return _by_hours({billing.unit: price}, (billing.unit,), billing) if price else None


def choose_costs(
    models: Sequence[PlannedModel],
    evaluators: Sequence[Component],
    registry: Registry,
    prices: Path | None,
    stated: Costs,
    *,
    online: OnlinePrices | None = None,
) -> Costs:
    """Return what a plan knows about money.

    Args:
        models: Its models.
        evaluators: Its evaluators, which may ask models of their own.
        registry: The plugins, whose options say how they are billed.
        prices: The user's file, or None.
        stated: What the specification states: the expected traffic, and the budget.
        online: What services state of their prices; None if they may not be asked.

    Raises:
        SpecError: The file cannot be used, or a budget cannot be kept: a price is not known.
    """
    own = read_prices(prices) if prices else PriceFile()
    chosen = {model.name: _choose(model, registry, own, online) for model in models}
    asking = evaluator_prices(evaluators, registry, own)
    if stated.budget:
        _check_can_be_kept("model", chosen)
        _check_can_be_kept("evaluator", asking)
    known = {name: each for name, each in chosen.items() if each != ModelPrices()}
    return attrs.evolve(stated, models=known, evaluators=asking)


def evaluator_prices(
    evaluators: Iterable[Component], registry: Registry, own: PriceFile | None = None
) -> dict[str, ModelPrices]:
    """Return the prices of the evaluators that ask another model.

    Args:
        evaluators: The evaluators.
        registry: The plugins.
        own: The prices of the user's own, or None.
    """
    known, asking = own.tokens if own else {}, {}
    for evaluator in evaluators:
        card = registry.offer("evaluator", evaluator.use).card
        options = registry.options(card, evaluator.options, f"evaluator {evaluator.name!r}")
        billing = options.billing() if isinstance(options, EvaluatorOptions) else Billing("nothing")
        if billing.by != "nothing":
            price = known.get(evaluator.name) or known.get(billing.unit) or shipped_price(billing.address, billing.unit)
            asking[evaluator.name] = ModelPrices(billing, price)
    return asking


def how_to_price(name: str, billing: Billing, *, training: bool = False) -> str:
    """Return what to write into a file of prices.

    >>> how_to_price("api", Billing("tokens", "gpt-x"))
    'tokens: {gpt-x: {input: ..., output: ...}}'
    >>> how_to_price("tuned", Billing("hours"), training=True)
    'training: {tuned: ...}'

    Args:
        name: The model's name in the pipeline.
        billing: How it is billed.
        training: Whether it is about its training.
    """
    unit = billing.unit or name
    if billing.by == "tokens":
        return f"tokens: {{{unit}: {{input: ..., output: ...}}}}"
    if billing.by == "hours" and billing.unit:
        return f"hours: {{{unit}: ...}}"
    return f"{'training' if training else 'hours'}: {{{name}: ...}}"


def deployer_billing(model: PlannedModel, registry: Registry) -> Billing:
    """Return how asking a model is billed."""
    card = registry.offer("deployer", model.deployer.use).card
    options = registry.options(card, model.deployer.options, f"deployer {card.name!r}")
    return options.billing(model.base) if isinstance(options, DeployerOptions) else Billing()


def _choose(model: PlannedModel, registry: Registry, own: PriceFile, online: OnlinePrices | None) -> ModelPrices:
    asking = deployer_billing(model, registry)
    price = own.tokens.get(model.name) or _by_hours(own.hours, (model.name,), asking)
    if price is None and asking.by == "tokens":
        price = own.tokens.get(asking.unit) or shipped_price(asking.address, asking.unit)
    elif price is None and asking.by == "hours" and asking.unit:
        price = _by_hours(own.hours, (asking.unit,), asking)
        price = price or (online.of("deployer", model.deployer, model.base, asking) if online else None)
    training = _trainer_billing(model, registry)
    if training is None:
        return ModelPrices(asking, price)
    training_price = _by_hours(own.training, (model.name,), training) or _by_hours(
        own.hours, (training.unit,), training
    )
    if training_price is None and training.unit and online and model.trainer:
        training_price = online.of("trainer", model.trainer, model.base, training)
    return ModelPrices(asking, price, training, training_price)


def _by_hours(prices: Mapping[str, Price], names: Iterable[str], billing: Billing) -> Price | None:
    """Return the price of an hour of all machines."""
    for name in names:
        price = prices.get(name)
        if price is not None and price.hour is not None:
            unit = name if billing.count == 1 else f"{billing.count} x {name}"
            return Price(unit, hour=price.hour * billing.count, source=price.source, date=price.date)
    return None


def _trainer_billing(model: PlannedModel, registry: Registry) -> Billing | None:
    if model.trainer is None:
        return None
    card = registry.offer("trainer", model.trainer.use).card
    options = registry.options(card, model.trainer.options, f"trainer {card.name!r}")
    return options.billing(model.base) if isinstance(options, TrainerOptions) else Billing()


def _check_can_be_kept(kind: str, chosen: Mapping[str, ModelPrices]) -> None:
    """Refuse a budget over something whose price is not known: nobody can say when it is spent."""
    for name, prices in chosen.items():
        unknown = []
        if prices.price is None and prices.asking.by != "nothing" and not prices.asking.is_own:
            unknown.append(("asking", prices.asking, False))
        if prices.training and prices.training_price is None and not prices.training.is_own:
            unknown.append(("training", prices.training, True))
        for use, billing, training in unknown:
            of = f" ({billing.unit})" if billing.unit else ""
            message = (
                f"budget: the price of {use} {kind} {name!r}{of} is not known, so the budget cannot be kept; write it into"
                f" a file that `prices:` names: {how_to_price(name, billing, training=training)}"
            )
            raise SpecError(message)
