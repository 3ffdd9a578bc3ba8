"""The plan: the validated, frozen form of a pipeline. Plans are JSON and never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Union

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.serial import digest, from_json, to_json

PLAN_SCHEMA = 1


@attrs.frozen
class Component:
    """One plugin implementation in a plan: any process can make it from this.

    Attributes:
        name: Its name in this pipeline.
        use: The card's name.
        options: All options, resolved.
        key: Hash of the card, its result version and the options that affect results.
    """

    name: str
    use: str
    options: Mapping[str, Any]
    key: str


DEFAULT_REPORTER = Component("html", "html", {}, key="")
"""The reporter of a pipeline that names none, and of plans from before plans had reporters."""


_LATER_FIELDS = ("without_context", "conversation")
"""Fields of templates that the records of version 0.1 lack."""


@attrs.frozen
class PlannedPrompt:
    """A prompt template, resolved to its text."""

    name: str
    use: str
    template: PromptTemplate

    @cached_property
    def key(self) -> str:
        """Hash of the template; fields that earlier versions lacked are part of it only where they are set."""
        template = to_json(self.template, PromptTemplate)
        return digest({name: value for name, value in template.items() if value or name not in _LATER_FIELDS})


@attrs.frozen
class PlannedModel:
    """A model recipe.

    Attributes:
        name: Its name in this pipeline.
        use: The model card's name.
        base: The weights it starts from.
        trainer: How it is fine-tuned, or None for the base model as it is.
        deployer: How it is served.
        train_on: The one dataset it is fine-tuned on; empty means on each dataset it is asked about.
        varies: Its exceptions from the generation options of all candidates; see `with_model`.
        prompts: The prompts that it is asked with.
        train_prompt: The one prompt that it is fine-tuned with; empty means each prompt that it is asked with.
    """

    name: str
    use: str
    base: BaseModel
    trainer: Component | None
    deployer: Component
    train_on: str = ""
    varies: Mapping[str, Any] = attrs.field(factory=dict)
    prompts: tuple[str, ...] = ()
    train_prompt: str = ""


@attrs.frozen
class Cell:
    """One candidate (a model recipe with a prompt) on one dataset."""

    name: str
    candidate: str
    model: str
    prompt: str
    dataset: str


@attrs.frozen
class PrepareStep:
    """Load and split one dataset, and check it against the prompts."""

    name: str
    dataset: str
    needs: tuple[str, ...] = ()


@attrs.frozen
class TrainStep:
    """Fine-tune one model recipe on one dataset under one prompt."""

    name: str
    model: str
    prompt: str
    dataset: str
    needs: tuple[str, ...]


@attrs.frozen
class GenerateStep:
    """Deploy one model, ask every cell that shares it, tear it down.

    Attributes:
        train: The step that trained it, or empty for a base model.
        cells: The cells that are asked.
    """

    name: str
    model: str
    train: str
    cells: tuple[str, ...]
    needs: tuple[str, ...]


@attrs.frozen
class ScoreStep:
    """Score one cell with every evaluator."""

    name: str
    cell: str
    needs: tuple[str, ...]


@attrs.frozen
class CompareStep:
    """Compare the cells of each dataset, and conclude."""

    name: str
    needs: tuple[str, ...]


Step = Union[PrepareStep, TrainStep, GenerateStep, ScoreStep, CompareStep]


@attrs.frozen
class PluginPin:
    """A plugin that the plan uses, with its version at that time."""

    name: str
    distribution: str
    version: str


@attrs.frozen
class Plan:
    """A pipeline that can run: all that can be checked without reading data is checked.

    Attributes:
        name: The pipeline's name.
        datasets: One component each.
        prompts: With their templates resolved.
        models: Recipes.
        evaluators: One component each; the first metric of the first one decides unless `metric` says otherwise.
        generation: One for all candidates.
        metric: The metric that decides.
        executor: Where steps run.
        settings: Plugin name to its settings.
        cells: Every model with each of its prompts on every dataset.
        steps: Each one after the steps it needs.
        plugins: The plugins it uses.
        assets: What must be on the machine before the first step.
        reporters: What is called after every run; no part of any artifact's key.
        fresh: Names or kinds of steps that reuse nothing that another run made.
        baseline: The candidate that the others must not be worse than; empty if there is none.
        margin: The difference from it that does not matter, in the metric's unit; None without a baseline.
        schema: The version of the form.
    """

    name: str
    datasets: tuple[Component, ...]
    prompts: tuple[PlannedPrompt, ...]
    models: tuple[PlannedModel, ...]
    evaluators: tuple[Component, ...]
    generation: GenerationOptions
    metric: str
    executor: Component
    settings: Mapping[str, Mapping[str, Any]]
    cells: tuple[Cell, ...]
    steps: tuple[Step, ...]
    plugins: tuple[PluginPin, ...]
    assets: tuple[str, ...] = ()
    reporters: tuple[Component, ...] = (DEFAULT_REPORTER,)
    fresh: tuple[str, ...] = ()
    baseline: str = ""
    margin: float | None = None
    schema: int = PLAN_SCHEMA

    @cached_property
    def json(self) -> Any:
        """The plan as JSON."""
        return to_json(self)

    @cached_property
    def hash(self) -> str:
        """The plan's address: the SHA-256 of its JSON."""
        return digest(self.json)

    def with_fresh(self, names: Iterable[str]) -> Plan:
        """Return the plan with steps that reuse nothing that another run made.

        Args:
            names: Names of steps (`score.base`) or their kinds (`score`).

        Raises:
            SpecError: There is no such step.
        """
        fresh = tuple(sorted(set(names)))
        known = [*dict.fromkeys(step_kind(step.name) for step in self.steps), *self.step_by_name]
        for name in fresh:
            if name not in known:
                message = f"the plan has no step {name!r}{did_you_mean(name, known)}"
                raise SpecError(message)
        return attrs.evolve(self, fresh=fresh)

    def is_fresh(self, step: str) -> bool:
        """Return whether a step reuses nothing that another run made."""
        return step in self.fresh or step_kind(step) in self.fresh

    @cached_property
    def step_by_name(self) -> Mapping[str, Step]:
        """Steps by their names."""
        return {step.name: step for step in self.steps}

    @cached_property
    def cell_by_name(self) -> Mapping[str, Cell]:
        """Cells by their names."""
        return {cell.name: cell for cell in self.cells}

    @cached_property
    def dataset_by_name(self) -> Mapping[str, Component]:
        """Datasets by their names."""
        return {dataset.name: dataset for dataset in self.datasets}

    @cached_property
    def prompt_by_name(self) -> Mapping[str, PlannedPrompt]:
        """Prompts by their names."""
        return {prompt.name: prompt for prompt in self.prompts}

    @cached_property
    def model_by_name(self) -> Mapping[str, PlannedModel]:
        """Model recipes by their names."""
        return {model.name: model for model in self.models}

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """Read a plan from JSON."""
        plan: Plan = from_json(data, cls)
        return plan


def step_kind(name: str) -> str:
    """Return the kind of a step from its name.

    >>> step_kind("generate.base")
    'generate'
    """
    return name.partition(".")[0]
