"""The small model of this machine that takes the place of a JumpStart model, with its own trainer and deployer.

`python -m llmops_plugins.sagemaker.emulator.substitute CHOICES FOLDER` trains it on the files of FOLDER/data, into FOLDER.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.sagemaker.emulator.choices import EmulatorChoices
from llmops_plugins.sagemaker.names import RESPONSE_KEY
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    DatasetSplits,
    Progress,
    Runtime,
    Split,
    TextTemplate,
    TrainedModel,
    file_sha256,
    from_json,
)


@attrs.frozen
class SubstituteModel:
    """The substitute.

    Attributes:
        choices: Names its card and options.
    """

    choices: EmulatorChoices
    _runtime: Runtime = attrs.field(factory=lambda: Runtime.of_this_process(Progress()))

    def train(self, folder: Path) -> TrainedModel:
        """Train it on `folder/data`, which has the form of a JumpStart training channel, and write it into the folder."""
        data, registry = folder / "data", self._runtime.registry
        template = json.loads((data / "template.json").read_bytes())
        prompt = TextTemplate(prompt=template["prompt"], completion=template["completion"], response_key=RESPONSE_KEY)
        options_class = registry.offer("trainer", self._card.trainer).card.options
        can_limit = "max_steps" in {field.name for field in attrs.fields(options_class)}
        options = {"max_steps": self.choices.substitute_steps} if can_limit else {}
        trainer = registry.make("trainer", self._card.trainer, options)
        (data / "test.jsonl").touch()
        splits = DatasetSplits(train=_split(data / "train.jsonl"), test=_split(data / "test.jsonl"))
        trained: TrainedModel = trainer.train(self._context("train", folder), self._base, splits, prompt)
        return attrs.evolve(trained, uri=str(folder / trained.uri))

    def serve(self, name: str, folder: Path, weights: TrainedModel | None) -> tuple[str, Callable[[], None]]:
        """Serve it, and return the URL and a function that ends it.

        Args:
            name: The name of the endpoint.
            folder: Gets its files.
            weights: Its weights after training, or None for the base weights.
        """
        model, context = weights or self._base, self._context(name, folder)
        deployer = self._runtime.registry.make("deployer", self._card.deployer, {})

        def end() -> None:
            for resource in deployer.resources(context, model):
                deployer.delete(context, resource)

        return str(deployer.deploy(context, model).url), end

    @property
    def _card(self) -> Any:
        return self._runtime.registry.offer("model", self.choices.substitute).card

    @property
    def _base(self) -> BaseModel:
        options = self._runtime.registry.options(self._card, self.choices.substitute_options, "substitute")
        base: BaseModel = options.base_model()
        return base

    def _context(self, name: str, folder: Path) -> Context:
        folder.mkdir(parents=True, exist_ok=True)
        log = logging.getLogger("llmops.rehearsal")
        return self._runtime.context(run_id=name, step="emulated", folder=folder, log=log)


def _split(path: Path) -> Split:
    with path.open("rb") as lines:
        return Split(path, sum(1 for _ in lines), file_sha256(path))


def main() -> None:
    """Train it, and write a description of the trained model."""
    choices: EmulatorChoices = from_json(json.loads(sys.argv[1]), EmulatorChoices)
    folder = Path(sys.argv[2])
    trained = SubstituteModel(choices).train(folder)
    (folder / "trained.json").write_text(json.dumps(attrs.asdict(trained)), encoding="utf-8")


if __name__ == "__main__":
    main()
