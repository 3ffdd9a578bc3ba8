"""The specification of a pipeline as a user writes it: names and options, nothing resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.load import Load
from llmops_sdk.values.prices import Budget, Traffic

FEWEST_LOOKS, MOST_LOOKS = 2, 5
"""How many planned looks there may be: more than five save little, and cost a deployment each."""

SEED, SEEDS = "seed", "seeds"
"""The option of a trainer with its seed, and the key with several that stands in its place."""


@attrs.frozen
class ComponentSpec:
    """A plugin's card by its name, with options.

    Attributes:
        use: The card's name.
        name: Its name in this pipeline; empty means that of what its options are about (a file), or the card's name.
        options: The options that were given.
    """

    use: str
    name: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Override:
    """Other options for a model's trainer or deployer, or another one altogether.

    Attributes:
        use: The card's name; empty means the model's own trainer or deployer.
        options: The options that were given.
    """

    use: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class StopEarly:
    """Planned looks at a run that is not finished, after which worse candidates are asked no more.

    Attributes:
        looks: Their number, the one at all records included.
    """

    looks: int = 3


@attrs.frozen
class RetentionSpec:
    """A second dataset that tuned candidates and their bases are asked about, to see what fine-tuning broke.

    Attributes:
        dataset: The dataset; by default the bundled general instructions.
        decide_by: The metric that decides there; empty means the one that decides on the other datasets.
        margin: The loss that does not matter, in the metric's unit; None means 5 % of its range.
    """

    dataset: ComponentSpec = attrs.field(factory=lambda: ComponentSpec("general"))
    decide_by: str = ""
    margin: float | None = None


@attrs.frozen
class FormSpec:
    """One form in which a model is served.

    Attributes:
        form: Its name: one that a deployer offers (`gguf-q8`), or the user's own, with a deployer.
        deployer: The options of its deployer, or the deployer itself.
    """

    form: str
    deployer: Override = attrs.field(factory=Override)


@attrs.frozen
class ServeAs:
    """The forms in which the same weights are served, to see whether export or serving changed the answers.

    Attributes:
        forms: Two or more; the first one is the reference of the others.
        margin: The difference that does not matter, in the unit of the metric that decides; None means 5 % of its range.
    """

    forms: tuple[FormSpec, ...]
    margin: float | None = None


@attrs.frozen
class ModelSpec:
    """A model recipe.

    Attributes:
        use: The model card's name.
        name: Its name in this pipeline; empty means that of what its options are about (a model), or the card's name.
        options: The options of the model card that were given.
        fine_tune: Whether it is fine-tuned; None means if a trainer is asked for, here or for all models, or if its card
            is a preset that fine-tunes.
        train_on: The dataset it is fine-tuned on; empty means each dataset it is evaluated on.
        trainer: Overrides for its trainer.
        deployer: Overrides for its deployer.
        varies: Exceptions from the generation options of all candidates: the name of an option to its value for this model,
            None to leave it out of the requests; `max_tokens_field` renames the field with the longest answer.
        prompts: The names of the prompts that it is asked with; None means all of the pipeline, or where that lists none,
            the model's default.
        train_prompt: The prompt that it is fine-tuned with; empty means each prompt that it is asked with.
        serve_as: The forms in which it is served, each of which is a candidate; None for one.
    """

    use: str
    name: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    fine_tune: bool | None = None
    train_on: str = ""
    trainer: Override = attrs.field(factory=Override)
    deployer: Override = attrs.field(factory=Override)
    varies: Mapping[str, Any] = attrs.field(factory=dict)
    prompts: tuple[str, ...] | None = None
    train_prompt: str = ""
    serve_as: ServeAs | None = None


@attrs.frozen
class Spec:
    """A complete pipeline; an empty list or text means the default.

    Attributes:
        name: The pipeline's name, the prefix of the ids of its runs.
        datasets: Where the records come from.
        prompts: The prompt templates.
        models: The model recipes.
        trainer: Overrides for the trainer of every model.
        deployer: Overrides for the deployer of every model.
        generation: How candidates write their answers.
        evaluators: What scores the answers.
        reporters: What is called after every run.
        decide_by: The metric that decides.
        baseline: A candidate, or a model with one prompt, that the others must not be worse than.
        margin: The difference from the baseline that does not matter, in the metric's unit.
        weights: The name of each dataset to its weight in a verdict over all of them; empty for one per dataset only.
        noise_floor: Whether a base model is asked twice and compared with itself.
        stop_early: The planned looks, or None for one comparison at the end.
        retention: What tuned candidates are asked besides, to see what fine-tuning broke; None for nothing.
        gate: What must hold for a candidate to be shipped, as `llmops gate` reads it; empty for nothing.
        prices: A file with prices of the user's own, relative to `folder`; empty for none.
        traffic: What the candidates will be asked once they are used, or None.
        budget: The most that a run may cost, or None.
        load: The load to measure endpoints under, or None.
        executor: Where steps run.
        settings: Plugin name to its settings.
        folder: The folder that relative paths in options are relative to.
    """

    name: str = "pipeline"
    datasets: tuple[ComponentSpec, ...] = ()
    prompts: tuple[ComponentSpec, ...] = ()
    models: tuple[ModelSpec, ...] = ()
    trainer: Override = attrs.field(factory=Override)
    deployer: Override = attrs.field(factory=Override)
    generation: GenerationOptions = attrs.field(factory=GenerationOptions)
    evaluators: tuple[ComponentSpec, ...] = ()
    reporters: tuple[ComponentSpec, ...] = ()
    decide_by: str = ""
    baseline: str = ""
    margin: float | None = None
    weights: Mapping[str, float] = attrs.field(factory=dict)
    noise_floor: bool = False
    stop_early: StopEarly | None = None
    retention: RetentionSpec | None = None
    gate: Mapping[str, Any] = attrs.field(factory=dict)
    prices: str = ""
    traffic: Traffic | None = None
    budget: Budget | None = None
    load: Load | None = None
    executor: ComponentSpec = attrs.field(factory=lambda: ComponentSpec("local"))
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    folder: Path = attrs.field(factory=Path)
