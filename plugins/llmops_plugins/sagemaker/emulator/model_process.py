"""A process that plays the container of a JumpStart model: `... rehearsal_played train|serve FOLDER`.

It stands for a training job, or for an endpoint, with a small model of this machine: the stand-in, its own trainer and
its own deployer, made through the registry by their names.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.names import RESPONSE_KEY
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    DatasetSplits,
    ModelCard,
    Progress,
    Runtime,
    Split,
    TextTemplate,
    TrainedModel,
    file_sha256,
    from_json,
)

TRAINED = "llmops-stand-in.json"
"""What lies beside the weights that a played job leaves: how they were made."""

_FIELDS = ("format", "uri")


@attrs.frozen(kw_only=True)
class Part:
    """What is played.

    Attributes:
        name: Of the training job or endpoint.
        stand_in: The model card.
        options: Of that card.
        steps: Optimizer steps of a training job.
    """

    name: str
    stand_in: str
    options: Mapping[str, Any]
    steps: int


def main() -> int:
    """Play one part."""
    _, kind, place = sys.argv
    folder = Path(place)
    part: Part = from_json(json.loads((folder / "part.json").read_bytes()), Part)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    runtime = Runtime.here(Progress())
    card: Any = runtime.registry.offer("model", part.stand_in).card
    base: BaseModel = runtime.registry.options(card, part.options, f"model {part.stand_in!r}").base_model()
    context = _context(runtime, part, folder / "work")
    if kind == "train":
        _train(runtime, card, base, part, context, folder)
        return 0
    deployer = runtime.registry.make("deployer", card.deployer, {})
    endpoint = deployer.deploy(context, _servable(base, folder / "model"))
    told.write(json.dumps({"url": endpoint.url}) + "\n")
    told.close()
    while os.read(0, 4096):
        pass
    for resource in deployer.resources(context, base):
        deployer.delete(context, resource)
    return 0


def _train(runtime: Runtime, card: ModelCard, base: BaseModel, part: Part, context: Context, folder: Path) -> None:
    data = folder / "data"
    template = json.loads((data / "template.json").read_bytes())
    prompt = TextTemplate(prompt=template["prompt"], completion=template["completion"], response_key=RESPONSE_KEY)
    trainer_card = runtime.registry.offer("trainer", card.trainer).card
    known = {field.name for field in attrs.fields(trainer_card.options)}
    options = {"max_steps": part.steps} if "max_steps" in known else {}
    trainer = runtime.registry.make("trainer", card.trainer, options)
    (data / "test.jsonl").touch()
    splits = DatasetSplits(train=_split(data / "train.jsonl"), test=_split(data / "test.jsonl"))
    trained: TrainedModel = trainer.train(context, base, splits, prompt)
    kept = {name: getattr(trained, name) for name in _FIELDS}
    (context.folder / TRAINED).write_text(json.dumps(kept), encoding="utf-8")


def _servable(base: BaseModel, model: Path) -> BaseModel | TrainedModel:
    """Return the stand-in as it is, or as a played job has trained it."""
    if not (model / TRAINED).is_file():
        return base
    kept = json.loads((model / TRAINED).read_bytes())
    return TrainedModel(format=kept["format"], uri=str(model / kept["uri"]), base=base)


def _split(path: Path) -> Split:
    with path.open("rb") as lines:
        return Split(path, sum(1 for _ in lines), file_sha256(path))


def _context(runtime: Runtime, part: Part, folder: Path) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    return Context(
        run_id=part.name,
        step="played",
        folder=folder,
        home=runtime.home,
        offline=runtime.offline,
        progress=runtime.progress,
        log=logging.getLogger("llmops.rehearsal"),
        settings={},
        make=runtime.registry.make,
        asset=runtime.asset,
    )


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
