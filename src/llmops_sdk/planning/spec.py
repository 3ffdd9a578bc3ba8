"""The specification of a pipeline as a user gives it: names and options, nothing resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.values.generations import GenerationOptions


@attrs.frozen
class ComponentSpec:
    """A plugin's card by its name, with options.

    Attributes:
        use: The card's name.
        name: How the pipeline calls it; empty means as the card.
        options: Given ones only.
    """

    use: str
    name: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def called(self) -> str:
        """The name in this pipeline."""
        return self.name or self.use


@attrs.frozen
class Override:
    """Other options for a model's trainer or deployer, or another one altogether.

    Attributes:
        use: The card's name; empty means the model's own.
        options: Given ones only.
    """

    use: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class ModelSpec:
    """A model recipe.

    Attributes:
        use: The model card's name.
        name: How the pipeline calls it; empty means as the card.
        options: Of the model card.
        fine_tune: Whether it is fine-tuned; None means where its card has a trainer.
        train_on: The dataset it is fine-tuned on; empty means each one it is asked about.
        trainer: Overrides.
        deployer: Overrides.
    """

    use: str
    name: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    fine_tune: bool | None = None
    train_on: str = ""
    trainer: Override = attrs.field(factory=Override)
    deployer: Override = attrs.field(factory=Override)

    @property
    def called(self) -> str:
        """The name in this pipeline."""
        return self.name or self.use


@attrs.frozen
class Spec:
    """A whole pipeline.

    Attributes:
        name: Of the pipeline.
        folder: What relative paths in options are relative to.
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
    metric: str = ""
    executor: ComponentSpec = attrs.field(factory=lambda: ComponentSpec("local"))
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    folder: Path = attrs.field(factory=Path)
