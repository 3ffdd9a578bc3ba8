"""Forms: the same weights behind several engines, each of which is a candidate. They share one training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.components import check_names
from llmops_sdk.planning.decision.baseline import choose_margin
from llmops_sdk.planning.specification.spec import ComponentSpec, FormSpec, ModelSpec, Override, ServeAs
from llmops_sdk.plugin.cards import DeployerCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.forms import PlannedForms
from llmops_sdk.values.plan import PlannedModel
from llmops_sdk.values.scores import Metric

_MARGIN_EXAMPLE = "serve_as: {forms: [...], margin: NUMBER}"


@attrs.frozen
class OfferedForm:
    """A form that a deployer offers.

    Attributes:
        deployer: The name of the deployer's card.
        options: The options that the form stands for.
    """

    deployer: str
    options: Mapping[str, Any]


def offered_forms(registry: Registry) -> dict[str, OfferedForm]:
    """Return the forms of all deployers by their names; of two with one name, the first."""
    forms: dict[str, OfferedForm] = {}
    for offer in registry.offers("deployer"):
        if isinstance(offer.card, DeployerCard):
            for name, options in offer.card.forms.items():
                forms.setdefault(name, OfferedForm(offer.card.name, options))
    return forms


def expand_forms(model: ModelSpec, own: Override, registry: Registry, where: str) -> Iterator[tuple[str, ModelSpec]]:
    """Yield each form of a model with the recipe that it stands for.

    The options that the specification has for the model's deployer are also those of the forms that this deployer offers
    without options of their own.

    Args:
        model: The recipe, with `serve_as`.
        own: The model's deployer with its options.
        registry: The plugins.
        where: How error messages start.

    Raises:
        SpecError: A form is unknown, there twice, or the only one.
    """
    forms = model.serve_as.forms if model.serve_as else ()
    names = [each.form for each in forms]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        message = f"{where}: serve_as has the form {twice!r} twice; a form of another name has a deployer of its own"
        raise SpecError(message)
    if len(names) == 1:
        message = (
            f"{where}: serve_as has one form, {names[0]!r}: add the one that it is compared with, or remove serve_as"
        )
        raise SpecError(message)
    check_names("form", [ComponentSpec("", name) for name in names])
    offered = offered_forms(registry)
    for form in forms:
        deployer = _deployer(form, offered, own, where)
        yield form.form, attrs.evolve(model, deployer=deployer, serve_as=None)


def plan_forms(models: Iterable[PlannedModel], served: Sequence[ServeAs], metric: Metric) -> tuple[PlannedForms, ...]:
    """Return the models that are served in several forms, with their margins.

    Args:
        models: The planned models.
        served: The forms of those models of the specification that have several, in the same order.
        metric: The metric that decides.

    Raises:
        SpecError: A margin does not fit the metric.
    """
    groups: dict[str, list[str]] = {}
    for model in models:
        if model.form_of:
            groups.setdefault(model.form_of, []).append(model.name)
    return tuple(
        PlannedForms(
            name, tuple(own), choose_margin(serve_as.margin, metric, f"model {name!r}: serve_as", _MARGIN_EXAMPLE)
        )
        for (name, own), serve_as in zip(groups.items(), served, strict=True)
    )


def _deployer(form: FormSpec, offered: Mapping[str, OfferedForm], own: Override, where: str) -> Override:
    """Return the deployer of a form with all its options."""
    known = offered.get(form.form)
    use = form.deployer.use or (known.deployer if known else "")
    if not use:
        message = (
            f"{where}: serve_as: no form is called {form.form!r}{did_you_mean(form.form, offered)}; a form of your own names its"
            " deployer: {form: NAME, deployer: {use: DEPLOYER}}"
        )
        raise SpecError(message)
    if known and use != known.deployer:
        message = f"{where}: serve_as: the form {form.form!r} is one of deployer {known.deployer!r}, not of {use!r}: give it another name"
        raise SpecError(message)
    fixed = dict(known.options) if known else {}
    general = own.options if known and not fixed and use == own.use else {}
    return Override(use, {**general, **fixed, **form.deployer.options})
