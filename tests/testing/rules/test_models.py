"""Trials of models and trainers."""

from __future__ import annotations

import attrs
import pytest

import llmops_sdk.testing
from llmops_sdk.plugin import BaseModel, Card, ModelCard, ModelOptions, TrainedModel, TrainerCard
from llmops_sdk.testing import EchoTrainer

from .conftest import Try, text

CARDS: tuple[Card, ...] = llmops_sdk.testing.llmops_cards()


@attrs.frozen(kw_only=True)
class OtherFormat(ModelOptions):
    """Weights that nothing of the kit accepts."""

    def base_model(self) -> BaseModel:
        return BaseModel(format="other", source="x")


class WrongFormat(EchoTrainer):
    """Leaves another format than its card states."""

    def train(self, *arguments: object) -> TrainedModel:
        return attrs.evolve(super().train(*arguments), format="other")  # type: ignore[arg-type]


class NoFile(EchoTrainer):
    """Names a file that it did not write."""

    def train(self, *arguments: object) -> TrainedModel:
        return attrs.evolve(super().train(*arguments), uri="weights")  # type: ignore[arg-type]


class NotFinite(EchoTrainer):
    """Has a number that is none."""

    def train(self, *arguments: object) -> TrainedModel:
        return attrs.evolve(super().train(*arguments), metrics={"loss": float("inf")})  # type: ignore[arg-type]


class FailsAgain(EchoTrainer):
    """Fails in a folder that was used."""

    def train(self, *arguments: object) -> TrainedModel:
        (arguments[0].folder / "work").mkdir()  # type: ignore[attr-defined]
        return super().train(*arguments)  # type: ignore[arg-type]


def trainer(cls: type) -> TrainerCard:
    """Return a card of the kit's trainer with another class."""
    (card,) = (card for card in CARDS if isinstance(card, TrainerCard))
    return attrs.evolve(card, load=f"{__name__}:{cls.__name__}")


def test_a_model_needs_partners_that_accept_its_weights(tried: Try) -> None:
    """A card that is missing, and one that takes another format."""
    own = ModelCard(name="own", summary="own", options=OtherFormat, deployer="echo-endpoint", trainer="no-trainer")

    problems = text(tried(own, cards=(own, *CARDS)))

    assert "interface: its weights have the format 'other', and deployer 'echo-endpoint' accepts echo" in problems
    assert "card: its trainer: no trainer is called 'no-trainer'" in problems


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (WrongFormat, "interface: it left the format 'other', and its card produces 'echo'"),
        (NoFile, "interface: it returned the URI 'weights', and there is no such file"),
        (NotFinite, "numbers: the trained model: loss is inf"),
        (FailsAgain, "interface: train again, in the same folder, as after a crash: FileExistsError"),
    ],
)
def test_what_breaks_the_contract_of_trainers_is_named(tried: Try, cls: type, line: str) -> None:
    """Its model is that of the model card of the same plugin."""
    assert line in text(tried(trainer(cls), cards=CARDS))


def test_a_trainer_alone_needs_a_model(tried: Try) -> None:
    """It is given with the inputs."""
    (card,) = (card for card in CARDS if isinstance(card, TrainerCard))

    assert "inputs: it needs a model" in text(tried(card))
    assert [] == tried(card, model=BaseModel(format="echo", source="loud")).problems
