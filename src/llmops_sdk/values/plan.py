"""The plan: the validated, frozen form of a pipeline. Plans are JSON and never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Union

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.notebook import Shown
from llmops_sdk.values.forms import PlannedForms
from llmops_sdk.values.functions import Function, is_function
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.imports import IMPORTED_RECORDS
from llmops_sdk.values.load import PlannedLoad
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.names import with_seed
from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.prices import Costs
from llmops_sdk.values.prompts import FunctionTemplate
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


LOAD = "load"
"""What is measured under load, among the names of steps that reuse nothing: it is a part of `generate` steps."""

_AT_LOOK = "@look"
"""What is between a step's name and the look at which it runs."""


@attrs.frozen
class PlannedModel:
    """A model recipe.

    Attributes:
        name: Its name in this pipeline.
        use: The model card's name.
        base: The weights it starts from.
        trainer: How it is fine-tuned, or None for the base model as it is; with several seeds, the trainer of the first.
        deployer: How it is served.
        train_on: The one dataset it is fine-tuned on; empty means on each dataset it is asked about.
        varies: Its exceptions from the generation options of all candidates; see `with_model`.
        prompts: The prompts that it is asked with.
        train_prompt: The one prompt that it is fine-tuned with; empty means each prompt that it is asked with.
        seeds: The seeds that it is fine-tuned with, each of which makes a checkpoint of the same candidate; empty for one
            training.
        trainers: The trainers of the seeds, in their order.
        repeats: How often each record is asked: once where the answers cannot differ.
        form_of: The model of the specification that it is one form of, and shares the training of; empty for its own.
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
    seeds: tuple[int, ...] = ()
    trainers: tuple[Component, ...] = ()
    repeats: int = 1
    form_of: str = ""

    def trainer_of(self, seed: int | None) -> Component | None:
        """Return the trainer of one of its seeds; None is the seed of a model that is trained once, or not at all."""
        return self.trainer if seed is None else self.trainers[self.seeds.index(seed)]


@attrs.frozen
class Cell:
    """One candidate (a model recipe with a prompt) on one dataset; of one with several seeds, the checkpoint of a seed.

    Attributes:
        name: Its name, which files and steps have.
        candidate: The candidate; all checkpoints of one have the same.
        model: The model recipe.
        prompt: The prompt that it is asked with.
        dataset: The dataset.
        seed: The seed of its training, where the recipe has several.
        trained_on: The dataset that its model is fine-tuned on, where it is asked about another one.
    """

    name: str
    candidate: str
    model: str
    prompt: str
    dataset: str
    seed: int | None = None
    trained_on: str = ""

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"candidate {with_seed(repr(self.candidate), self.seed)} on {self.dataset!r}"


@attrs.frozen
class PlannedRetention:
    """What tuned candidates and their bases are asked besides, to show what fine-tuning broke.

    Attributes:
        dataset: A second dataset, on which nothing is trained.
        models: The bases that are no candidates: they are asked about this dataset alone.
        cells: The tuned candidates and their bases on it.
        bases: The name of each tuned candidate's cell to that of its base.
        evaluator: What scores them.
        metric: The metric of it that decides.
        margin: The loss that does not matter, in the metric's unit.
    """

    dataset: Component
    models: tuple[PlannedModel, ...]
    cells: tuple[Cell, ...]
    bases: Mapping[str, str]
    evaluator: str
    metric: str
    margin: float


@attrs.frozen
class PrepareStep:
    """Load and split one dataset, and check it against the prompts."""

    name: str
    dataset: str
    needs: tuple[str, ...] = ()


@attrs.frozen
class TrainStep:
    """Fine-tune one model recipe on one dataset under one prompt, with one of its seeds."""

    name: str
    model: str
    prompt: str
    dataset: str
    needs: tuple[str, ...]
    seed: int | None = None


@attrs.frozen
class GenerateStep:
    """Deploy one model, ask every cell that shares it, tear it down.

    Attributes:
        train: The step that trained it, or empty for a base model.
        cells: The cells that are asked.
        look: The planned look up to which they are asked, from 1; 0 in a plan without looks.
    """

    name: str
    model: str
    train: str
    cells: tuple[str, ...]
    needs: tuple[str, ...]
    look: int = 0


@attrs.frozen
class ScoreStep:
    """Score one cell with every evaluator, up to a planned look."""

    name: str
    cell: str
    needs: tuple[str, ...]
    look: int = 0


@attrs.frozen
class LookStep:
    """Stop the candidates that are worse at a planned look."""

    name: str
    look: int
    needs: tuple[str, ...]


@attrs.frozen
class CompareStep:
    """Compare the cells of each dataset, and conclude."""

    name: str
    needs: tuple[str, ...]


Step = Union[PrepareStep, TrainStep, GenerateStep, ScoreStep, LookStep, CompareStep]


@attrs.frozen
class PluginPin:
    """A plugin that the plan uses, with its version at that time."""

    name: str
    distribution: str
    version: str


@attrs.frozen
class Plan(Shown):
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
        cells: Every model with each of its prompts on every dataset, once for each of its seeds.
        steps: Each one after the steps it needs.
        plugins: The plugins it uses.
        assets: What must be on the machine before the first step.
        reporters: What is called after every run; no part of any artifact's key.
        fresh: Names or kinds of steps that reuse nothing that another run made.
        baseline: The candidate that the others must not be worse than; empty if there is none.
        margin: The difference from it that does not matter, in the metric's unit; None without a baseline.
        weights: Dataset name to its weight in a verdict over all datasets; empty without such a verdict.
        noise_floor: The cells that are asked a second time, to be compared with themselves; at most one on each
            dataset.
        looks: The shares of the records after which the candidates are compared, the last one 1, so that those that are
            worse are asked no more; empty for one comparison at the end.
        retention: What tuned candidates are asked besides, or None. Its dataset, models and cells are not among those above.
        costs: The prices of its models, the expected traffic, and the budget.
        load: The load that endpoints are measured under, or None.
        forms: The models that are served in several forms.
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
    weights: Mapping[str, float] = attrs.field(factory=dict)
    noise_floor: tuple[str, ...] = ()
    looks: tuple[float, ...] = ()
    retention: PlannedRetention | None = None
    costs: Costs = attrs.field(factory=Costs)
    load: PlannedLoad | None = None
    forms: tuple[PlannedForms, ...] = ()
    schema: int = PLAN_SCHEMA

    @cached_property
    def json(self) -> Any:
        """The plan as JSON."""
        return to_json(self)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions of the user's own files that its steps call, those of datasets left out."""
        components = [*self.evaluators, *(model.deployer for model in self.model_by_name.values())]
        called = [from_json(each.options["function"], Function) for each in components if is_function(each.use)]
        templates = (prompt.template for prompt in self.prompts)
        return (*called, *(each.function for each in templates if isinstance(each, FunctionTemplate)))

    @property
    def is_imported(self) -> bool:
        """Whether it compares results that existed before: no model is asked, so its prompts and generation options decide nothing."""
        return all(dataset.use == IMPORTED_RECORDS for dataset in self.datasets)

    @cached_property
    def hash(self) -> str:
        """The plan's address: the SHA-256 of its JSON."""
        return digest(self.json)

    def with_fresh(self, names: Iterable[str]) -> Plan:
        """Return the plan with steps that reuse nothing that another run made.

        Args:
            names: Names of steps (`score.base`), at all planned looks, or their kinds (`score`); `load` for what is measured
                under load, without the answers of the test.

        Raises:
            SpecError: There is no such step.
        """
        fresh = tuple(sorted(set(names)))
        known = list(
            dict.fromkeys([*(step_kind(step.name) for step in self.steps), *map(without_look, self.step_by_name)])
        )
        known += [LOAD] if self.load else []
        for name in fresh:
            if name not in known:
                message = f"the plan has no step {name!r}{did_you_mean(name, known)}"
                raise SpecError(message)
        return attrs.evolve(self, fresh=fresh)

    def times_asked(self, cell: Cell) -> int:
        """Return how often each record of a cell is asked: its repeats, and as many again for the noise floor."""
        repeats = self.model_by_name[cell.model].repeats
        return 2 * repeats if cell.name in self.noise_floor else repeats

    def is_fresh(self, step: str) -> bool:
        """Return whether a step reuses nothing that another run made."""
        return without_look(step) in self.fresh or step_kind(step) in self.fresh

    def measures_again(self, step: str) -> bool:
        """Return whether a step measures its endpoint under load whatever another run measured."""
        return self.load is not None and step in self.load.cells and (LOAD in self.fresh or self.is_fresh(step))

    @cached_property
    def step_by_name(self) -> Mapping[str, Step]:
        """Steps by their names."""
        return {step.name: step for step in self.steps}

    @cached_property
    def cell_by_name(self) -> Mapping[str, Cell]:
        """Cells by their names, those of `retention` too."""
        return {cell.name: cell for cell in (*self.cells, *(self.retention.cells if self.retention else ()))}

    @cached_property
    def dataset_by_name(self) -> Mapping[str, Component]:
        """Datasets by their names, that of `retention` too."""
        return {each.name: each for each in (*self.datasets, *([self.retention.dataset] if self.retention else []))}

    @cached_property
    def prompt_by_name(self) -> Mapping[str, PlannedPrompt]:
        """Prompts by their names."""
        return {prompt.name: prompt for prompt in self.prompts}

    @cached_property
    def model_by_name(self) -> Mapping[str, PlannedModel]:
        """Model recipes by their names, those of `retention` too."""
        return {model.name: model for model in (*self.models, *(self.retention.models if self.retention else ()))}

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """Read a plan from JSON."""
        plan: Plan = from_json(data, cls)
        return plan


def at_look(step: str, look: int) -> str:
    """Return the name of a step at a planned look.

    >>> at_look("generate.base", 2)
    'generate.base@look2'
    """
    return f"{step}{_AT_LOOK}{look}"


def without_look(step: str) -> str:
    """Return the name of a step without the look at which it runs.

    >>> without_look("generate.base@look2"), without_look("compare")
    ('generate.base', 'compare')
    """
    return step.partition(_AT_LOOK)[0]


def step_kind(name: str) -> str:
    """Return the kind of a step from its name.

    >>> step_kind("generate.base")
    'generate'
    """
    return name.partition(".")[0]
