"""Models and trainers: base weights with a trainer and a deployer that fit, and the same weights from the same records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmops_sdk.data.splits import write_splits
from llmops_sdk.errors import UserError
from llmops_sdk.plugin.cards import CardKind, DeployerCard, ModelCard, TrainerCard
from llmops_sdk.plugin.interfaces import Trainer
from llmops_sdk.testing.rules.serving import delete_twice, given_model
from llmops_sdk.testing.rules.trial import Trial, show
from llmops_sdk.values.models import BaseModel, TrainedModel
from llmops_sdk.values.resources import Resource
from llmops_sdk.values.serial import file_sha256


def try_model(trial: Trial) -> Any:
    """Look at the base weights and the cards that the model needs; return the weights' name."""
    card = trial.card
    if not isinstance(card, ModelCard):
        trial.stop("card", "it is no ModelCard")
    options = trial.options()
    with trial.rule("interface", "base_model"):
        base = options.base_model()
    if not isinstance(base, BaseModel):
        trial.stop("interface", f"base_model returned {show(base)}, no BaseModel")
    trial.keep("interface")
    for kind, name in (("deployer", card.deployer), ("trainer", card.trainer)):
        if name:
            _check_partner(trial, kind, name, base)  # type: ignore[arg-type]
    with trial.rule("interface", "usual_name"):
        usual = options.usual_name()
    if not isinstance(usual, str):
        trial.broken("interface", f"usual_name returned {show(usual)}, no text")
    return {"base": trial.as_json("the base model", base), "usual name": usual}


def _check_partner(trial: Trial, kind: CardKind, name: str, base: BaseModel) -> None:
    partner = next((card for card in trial.job.cards if (card.kind, card.name) == (kind, name)), None)
    try:
        partner = partner or trial.registry.offer(kind, name).card
    except UserError as exc:
        trial.broken("card", f"its {kind}: {exc}")
        return
    if isinstance(partner, (TrainerCard, DeployerCard)) and base.format not in partner.accepts:
        accepted = ", ".join(partner.accepts)
        trial.broken(
            "interface", f"its weights have the format {base.format!r}, and {kind} {name!r} accepts {accepted}"
        )


def try_trainer(trial: Trial) -> Any:
    """Train twice in one folder, as after a crash; return the hashes of the weights."""
    card, inputs = trial.card, trial.inputs
    trainer = trial.make()
    if not isinstance(trainer, Trainer) or not isinstance(card, TrainerCard):
        trial.stop("card", f"its implementation is a {type(trainer).__name__}, not a Trainer")
    model = given_model(trial)
    if not isinstance(model, BaseModel):
        trial.stop("card", f"a trainer takes a BaseModel, not {show(model)}")
    records = [{"context": "", **record} for record in inputs.records]
    splits = write_splits(trial.folder(), lambda: iter(records), test_fraction=1 / len(records))
    folder = trial.folder()
    context = trial.context(folder)
    with trial.rule("interface", "fingerprint"):
        trainer.fingerprint(context, model)
    with trial.rule("interface", "resources"):
        resources = list(trainer.resources(context))
    if not all(isinstance(resource, Resource) for resource in resources):
        trial.stop("interface", f"resources returned {show(resources)}, not only Resource")
    with trial.rule("interface", "train"):
        trained = trainer.train(context, model, splits, inputs.prompt)
    if not isinstance(trained, TrainedModel):
        trial.stop("interface", f"train returned {show(trained)}, no TrainedModel")
    if trained.format != card.produces:
        trial.broken("interface", f"it left the format {trained.format!r}, and its card produces {card.produces!r}")
    trial.finite("the trained model", trained.metrics)
    trial.as_json("the trained model", trained)
    weights = _weights(trial, folder, trained)
    with trial.rule("interface", "train again, in the same folder, as after a crash"):
        trial.make().train(context, model, splits, inputs.prompt)
    delete_twice(trial, lambda resource: trainer.delete(context, resource), resources)
    return {"weights": weights}


def _weights(trial: Trial, folder: Path, trained: TrainedModel) -> Any:
    """Return the hashes of the files of the weights, by name; the URI of remote ones."""
    if "://" in trained.uri:
        return trained.uri
    path = folder / trained.uri
    if Path(trained.uri).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        trial.stop("own-folder", f"the weights are at {trained.uri!r}, which is no path below context.folder")
    if not path.exists():
        trial.stop("interface", f"it returned the URI {trained.uri!r}, and there is no such file")
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return {one.relative_to(folder).as_posix(): file_sha256(one) for one in files}
