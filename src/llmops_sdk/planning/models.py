"""Planning a model: its base weights, the trainer and deployer that fit them, and what these check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, product
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.components import Chooser, Chosen, call_plugin, check_distinct, check_names, components
from llmops_sdk.planning.decision.forms import expand_forms
from llmops_sdk.planning.functions import expand_target
from llmops_sdk.planning.prompts import PromptPlanner
from llmops_sdk.planning.repeats import check_repeats, repeats_of
from llmops_sdk.planning.seeds import join_trainer_options, options_by_seed
from llmops_sdk.planning.short_forms import expand_short_form
from llmops_sdk.planning.specification.spec import SEEDS, ModelSpec, Override, Spec
from llmops_sdk.plugin.cards import DeployerCard, ModelCard, TrainerCard
from llmops_sdk.plugin.options import ModelOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import PlannedModel
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.serial import digest, to_json


@attrs.frozen(kw_only=True)
class ModelPlanner:
    """Plans the models of one specification.

    Attributes:
        spec: The specification.
        registry: The plugins.
        chooser: Chooses the cards.
        datasets: The names of the pipeline's datasets.
        prompts: Plans the pipeline's prompts.
        settings: Plugin name to its settings.
        may_ask: Whether trainers and deployers may ask their services about a model.
    """

    spec: Spec
    registry: Registry
    chooser: Chooser
    datasets: tuple[str, ...]
    prompts: PromptPlanner
    settings: Mapping[str, Mapping[str, Any]]
    may_ask: bool

    def plan_models(self) -> tuple[PlannedModel, ...]:
        """Return the planned models.

        Raises:
            UserError: One of them cannot run, or two are the same.
        """
        specs = tuple(self._expand(model) for model in self.spec.models)
        check_names("model", specs)
        planned = [tuple(self._plan_forms(model)) for model in specs]
        check_distinct("model", (forms[0].form_of or forms[0].name for forms in planned))
        models = tuple(chain.from_iterable(planned))
        _check_recipes(models)
        check_repeats(self.spec.generation, models)
        return models

    def _expand(self, model: ModelSpec) -> ModelSpec:
        """Return a recipe with the card that its `use` stands for."""
        if is_function(model.use):
            return expand_target(model, self.spec.folder, self.registry)
        return expand_short_form(model, self.registry)

    def _plan_forms(self, model: ModelSpec) -> Iterator[PlannedModel]:
        """Yield the planned model of each form of a recipe; of one without `serve_as`, itself."""
        if model.serve_as is None:
            yield self._plan_model(model)
            return
        where = f"model {(model.name or model.use)!r}"
        card = self.registry.card(ModelCard, model.use)
        model = self._split_options(model, card, where)
        use = model.deployer.use or self.spec.deployer.use or card.deployer
        own = Override(use, {**_general(self.spec.deployer, use), **model.deployer.options})
        for form, recipe in expand_forms(model, own, self.registry, where):
            planned = self._plan_model(recipe, form)
            yield attrs.evolve(planned, name=f"{planned.name}.{form}", form_of=planned.name)

    def _plan_model(self, model: ModelSpec, form: str = "") -> PlannedModel:
        where = f"model {(model.name or model.use)!r}"
        card = self.registry.card(ModelCard, model.use)
        if SEEDS in model.options:
            message = f"{where}: seeds belong to its trainer: `trainer: {{seeds: [1, 2, 3]}}`"
            raise SpecError(message)
        model = self._split_options(model, card, where)
        chosen = self.chooser.choose("model", model.use, model.options, name=model.name)
        options: ModelOptions = chosen.options
        model = attrs.evolve(model, name=chosen.component.name)
        where = f"model {model.name!r}"
        base: BaseModel = call_plugin(card, options.base_model)
        trainers = self._choose_trainers(model, card, base, where)
        trainer = next(iter(trainers.values()), None)
        self._check_train_on(model, where, trains=trainer is not None)
        prompts = self.prompts.names_for(model, card, options, where)
        _check_train_prompt(model, prompts, where, trains=trainer is not None)
        produced = self.registry.card(TrainerCard, trainer.card.name).produces if trainer else base.format
        deployer = self._choose_deployer(model, card, produced, where, form)
        try:
            generation = vary(self.spec.generation, model.varies)
        except SpecError as exc:
            message = f"{where}: {exc}"
            raise SpecError(message) from exc
        if trainer:
            trained_with = (model.train_prompt,) if model.train_prompt else prompts
            self._check_with_plugin(trainer, base, self.prompts.templates(trained_with))
        seeds = tuple(seed for seed in trainers if seed is not None)
        self._check_with_plugin(deployer, base, self.prompts.templates(prompts))
        self.prompts.check_chats(prompts, card, options, where)
        return PlannedModel(
            name=model.name,
            use=model.use,
            base=base,
            trainer=trainer.component if trainer else None,
            deployer=deployer.component,
            train_on=model.train_on,
            varies=to_json(dict(model.varies)),
            prompts=prompts,
            train_prompt=model.train_prompt,
            seeds=seeds,
            repeats=repeats_of(generation, self.registry.card(DeployerCard, deployer.card.name)),
            trainers=components(trainers.values()) if seeds else (),
        )

    def _split_options(self, model: ModelSpec, card: ModelCard, where: str) -> ModelSpec:
        """Move options of the deployer that are given among those of a hosted model, which has no trainer, to the deployer.

        Raises:
            SpecError: Neither has an option, or it is given in both places.
        """
        known = {field.name for field in attrs.fields(card.options)}
        others = {name: value for name, value in model.options.items() if name not in known}
        if card.trainer or not others:
            return model
        use = model.deployer.use or self.spec.deployer.use or card.deployer
        fields = {field.name for field in attrs.fields(self.registry.card(DeployerCard, use).options)}
        for name in others:
            if name not in fields:
                message = f"{where}: model {card.name!r} has no option {name!r}{did_you_mean(name, known | fields)}"
                raise SpecError(message)
            if name in model.deployer.options:
                message = f"{where}: the option {name!r} is given twice: of the model, and of its deployer"
                raise SpecError(message)
        deployer = attrs.evolve(model.deployer, options={**model.deployer.options, **others})
        options = {name: value for name, value in model.options.items() if name in known}
        return attrs.evolve(model, options=options, deployer=deployer)

    def _choose_trainers(
        self, model: ModelSpec, card: ModelCard, base: BaseModel, where: str
    ) -> dict[int | None, Chosen]:
        """Return the trainer of each seed, or a single one by None; none for a model that is not fine-tuned."""
        overridden = model.trainer != Override()
        if model.fine_tune is False:
            if overridden:
                beside = "seeds" if SEEDS in model.trainer.options else "trainer options"
                message = f"{where}: it has {beside}, but fine_tune is false; drop one of the two"
                raise SpecError(message)
            return {}
        asked = model.fine_tune or overridden
        if not asked and not (card.trainer and (card.fine_tunes or self.spec.trainer != Override())):
            return {}
        use = model.trainer.use or self.spec.trainer.use or card.trainer
        if not use:
            message = f"{where}: no trainer is known for model {card.name!r}; name one with `trainer: {{use: NAME}}`"
            raise SpecError(message)
        trainer_card = self.registry.card(TrainerCard, use)
        options = join_trainer_options(model.trainer.options, _general(self.spec.trainer, use))
        trainers = {
            seed: self.chooser.choose("trainer", use, seeded, where=where)
            for seed, seeded in options_by_seed(options, trainer_card, where).items()
        }
        accepts = trainer_card.accepts
        if base.format not in accepts:
            message = f"{where}: trainer {use!r} trains {', '.join(accepts)} models, and this one has the format {base.format!r}"
            raise SpecError(message)
        return trainers

    def _choose_deployer(self, model: ModelSpec, card: ModelCard, produced: str, where: str, form: str) -> Chosen:
        use = model.deployer.use or self.spec.deployer.use or card.deployer
        general = {} if form else _general(self.spec.deployer, use)  # a form has all its options
        options = {**general, **model.deployer.options}  # a model's own take precedence
        where = f"{where}, form {form!r}" if form else where
        deployer = self.chooser.choose("deployer", use, options, where=where)
        accepts = self.registry.card(DeployerCard, use).accepts
        if produced not in accepts:
            message = f"{where}: deployer {use!r} serves {', '.join(accepts)} models, and this one has the format {produced!r}"
            raise SpecError(message)
        return deployer

    def _check_train_on(self, model: ModelSpec, where: str, *, trains: bool) -> None:
        if not model.train_on:
            return
        if model.train_on not in self.datasets:
            hint = did_you_mean(model.train_on, self.datasets)
            message = f"{where}: train_on names no dataset of this pipeline: {model.train_on!r}{hint}"
            raise SpecError(message)
        if not trains:
            message = f"{where}: train_on names a dataset to fine-tune on, but the model is not fine-tuned"
            raise SpecError(message)

    def _check_with_plugin(self, part: Chosen, base: BaseModel, templates: Mapping[str, PromptTemplate]) -> None:
        """Let the options of a trainer or deployer check the model that they are used with."""
        settings = self.registry.settings_of(self.settings, part.card.kind, part.card.name)
        call_plugin(part.card, lambda: part.options.check(base, templates, settings))
        if self.may_ask:
            call_plugin(part.card, lambda: part.options.check_online(base, settings))


def _general(override: Override, use: str) -> Mapping[str, Any]:
    """Return the pipeline's options for the trainer or deployer that a model uses."""
    return override.options if override.use in ("", use) else {}


def _check_train_prompt(model: ModelSpec, prompts: tuple[str, ...], where: str, *, trains: bool) -> None:
    if not model.train_prompt:
        return
    if not trains:
        message = f"{where}: train_prompt names a prompt to fine-tune with, but the model is not fine-tuned"
        raise SpecError(message)
    if model.train_prompt not in prompts:
        message = (
            f"{where}: train_prompt names {model.train_prompt!r}, which is none of its prompts: {', '.join(prompts)}"
        )
        raise SpecError(message)


def _check_recipes(models: tuple[PlannedModel, ...]) -> None:
    seen: dict[str, str] = {}
    for model in models:
        for prompt, seed in product(model.prompts, model.seeds or (None,)):
            component = model.trainer_of(seed)
            trainer = component and component.key
            trained_with = trainer and (model.train_prompt or prompt)
            recipe = digest(
                to_json(model.base),
                trainer,
                model.deployer.key,
                model.train_on,
                dict(model.varies),
                prompt,
                trained_with,
            )
            if recipe in seen:
                both = f"models {seen[recipe]!r} and {model.name!r}"
                same = "the same recipe" if seed is None else f"the same recipe, trained with seed {seed},"
                message = f"{both} are {same} with the same prompt; comparing them decides nothing"
                raise SpecError(message)
            seen[recipe] = model.name
