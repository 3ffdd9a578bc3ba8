"""Retention: a second dataset that every tuned candidate and its base are asked about, to see what fine-tuning broke."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.components import Chooser, check_names
from llmops_sdk.planning.decision.baseline import choose_margin
from llmops_sdk.planning.decision.metric import OfferedMetric, choose_metric
from llmops_sdk.planning.graph import candidate_of, of_seed
from llmops_sdk.planning.specification.spec import ComponentSpec, RetentionSpec
from llmops_sdk.plugin.cards import DeployerCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.plan import Cell, Component, PlannedModel, PlannedRetention
from llmops_sdk.values.scores import Metric


@attrs.frozen
class RetentionPlanner:
    """Plans what the tuned candidates of one pipeline are asked besides.

    Attributes:
        chooser: Chooses the cards.
        registry: The plugins.
        datasets: The datasets of the pipeline.
        models: Its models.
    """

    chooser: Chooser
    registry: Registry
    datasets: tuple[Component, ...]
    models: tuple[PlannedModel, ...]

    def plan(self, spec: RetentionSpec, metrics: Sequence[OfferedMetric], deciding: Metric) -> PlannedRetention:
        """Return the plan of it.

        Args:
            spec: The specification.
            metrics: The metrics of the pipeline.
            deciding: The one that decides on its datasets.

        Raises:
            UserError: No model is fine-tuned, a base cannot be asked, or the dataset, metric or margin does not fit.
        """
        tuned = [model for model in self.models if model.trainer is not None]
        if not tuned:
            message = (
                "retention shows what fine-tuning broke, and no model of this pipeline is fine-tuned: add a trainer, or remove"
                " retention"
            )
            raise SpecError(message)
        dataset = self._choose_dataset(spec)
        metric = _choose_metric(spec, metrics, deciding)
        bases = self._bases(tuned)
        own = {base.name: base for base in bases.values() if base not in self.models}
        cells: dict[str, Cell] = {}
        base_of: dict[str, str] = {}
        for model in tuned:
            for cell in self._cells(model, dataset.name):
                base = _base_cell(bases[model.name], cell)
                cells[cell.name] = cell
                base_of[cell.name] = base.name
                cells.setdefault(base.name, base)
        return PlannedRetention(
            dataset=dataset,
            models=tuple(own.values()),
            cells=tuple(cells.values()),
            bases=base_of,
            evaluator=next(each.evaluator for each in metrics if each.metric == metric),
            metric=metric.name,
            margin=choose_margin(spec.margin, metric, "retention", "retention: {margin: NUMBER}"),
        )

    def _choose_dataset(self, spec: RetentionSpec) -> Component:
        check_names("dataset", [spec.dataset])
        self._check_keys(spec.dataset)
        dataset = self.chooser.choose(
            "dataset", spec.dataset.use, spec.dataset.options, name=spec.dataset.name, where="retention"
        ).component
        if any(dataset.name == other.name for other in self.datasets):
            message = (
                f"retention: the pipeline has another dataset {dataset.name!r}; give this one another name with `name`"
            )
            raise SpecError(message)
        return dataset

    def _check_keys(self, dataset: ComponentSpec) -> None:
        """Refuse a key that is neither one of `retention` nor an option of its dataset."""
        if is_function(dataset.use):
            return
        options = {field.name for field in attrs.fields(self.registry.offer("dataset", dataset.use).card.options)}
        for key in dataset.options:
            if key not in options:
                hint = did_you_mean(key, {"use", "name", "decide_by", "margin", *options})
                message = f"retention has no key {key!r}, nor has dataset {dataset.use!r} such an option{hint}"
                raise SpecError(message)

    def _bases(self, tuned: Sequence[PlannedModel]) -> dict[str, PlannedModel]:
        """Return the base of each tuned model: a candidate where there is one, or else one that is asked for this alone."""
        bases: dict[str, PlannedModel] = {}
        added: list[PlannedModel] = []
        for model in tuned:
            base = _same_weights(model, (*self.models, *added), exactly=True)
            if base is None and model.base.format in self.registry.card(DeployerCard, model.deployer.use).accepts:
                base = self._untuned(model)
                added.append(base)
            base = base or _same_weights(model, self.models, exactly=False)
            if base is None:
                message = (
                    f"retention: the base of model {model.name!r} cannot be asked: deployer {model.deployer.use!r} does not serve"
                    f" {model.base.format} models; add it as a model with fine_tune: false"
                )
                raise SpecError(message)
            bases[model.name] = base
        return bases

    def _untuned(self, model: PlannedModel) -> PlannedModel:
        """Return a tuned model without its training, under a name that no other model has."""
        name, number = f"{model.name}-base", 2
        while any(name == other.name for other in self.models):
            name, number = f"{model.name}-base{number}", number + 1
        return attrs.evolve(
            model, name=name, trainer=None, train_on="", train_prompt="", seeds=(), trainers=(), form_of=""
        )

    def _cells(self, model: PlannedModel, dataset: str) -> Iterator[Cell]:
        """Yield a tuned model with each of its prompts, once for each of its trainings."""
        trained_on = [model.train_on] if model.train_on else [other.name for other in self.datasets]
        for prompt in model.prompts:
            for trained in trained_on:
                parts = (model.name, prompt, *([trained] if len(trained_on) > 1 else []), dataset)
                for seed in model.seeds or (None,):
                    yield Cell(
                        name=of_seed(".".join(parts), seed),
                        candidate=candidate_of(model, prompt),
                        model=model.name,
                        prompt=prompt,
                        dataset=dataset,
                        seed=seed,
                        trained_on=trained,
                    )


def _same_weights(model: PlannedModel, others: Sequence[PlannedModel], *, exactly: bool) -> PlannedModel | None:
    """Return the model that starts from the same weights, is asked alike, and is not fine-tuned.

    Args:
        model: The tuned model.
        others: The models to choose from.
        exactly: Whether it must be served alike too.
    """
    untuned = [other for other in others if other.trainer is None and other.base == model.base]
    alike = [other for other in untuned if dict(other.varies) == dict(model.varies)]
    return next((other for other in alike if not exactly or other.deployer.key == model.deployer.key), None)


def _base_cell(base: PlannedModel, tuned: Cell) -> Cell:
    """Return the base with the prompt of a tuned candidate, even if it is asked with another one on the other datasets."""
    prompt = tuned.prompt
    candidate = candidate_of(base, prompt) if prompt in base.prompts else f"{base.name}.{prompt}"
    return Cell(f"{base.name}.{prompt}.{tuned.dataset}", candidate, base.name, prompt, tuned.dataset)


def _choose_metric(spec: RetentionSpec, metrics: Sequence[OfferedMetric], deciding: Metric) -> Metric:
    try:
        return choose_metric(metrics, spec.decide_by or deciding.name)
    except SpecError as exc:
        message = f"retention: decide_by: {exc}"
        raise SpecError(message) from None
