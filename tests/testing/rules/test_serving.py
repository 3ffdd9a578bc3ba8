"""Trials of deployers."""

from __future__ import annotations

import uuid
from typing import Any

import attrs
import pytest

import llmops_sdk.testing
from llmops_sdk.plugin import (
    Answer,
    BaseModel,
    Context,
    DeployerCard,
    Endpoint,
    GenerationOptions,
    Prompt,
    RequestError,
    Resource,
    ServableModel,
    Transport,
)
from llmops_sdk.testing import EchoEndpoint

from .conftest import Try, text

CARDS = llmops_sdk.testing.llmops_cards()
MODEL = BaseModel(format="echo", source="direct")


class RandomNames(EchoEndpoint):
    """Has another name each time."""

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        return (Resource("echo", str(uuid.uuid4())),)


class NoEndpoint(EchoEndpoint):
    """Returns an address."""

    def deploy(self, context: Context, model: ServableModel) -> Any:
        return "http://127.0.0.1"


class Texts(EchoEndpoint):
    """Answers with texts."""

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        return _Texts()


class _Texts(Transport):
    """Returns no answer."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Any:
        return "yes"


class Refuses(EchoEndpoint):
    """Answers nothing."""

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        return _Refuses()


class _Refuses(Transport):
    """Has no such model."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        message = "no such model"
        raise RequestError(message, retryable=False)


def deployer(cls: type, **attributes: Any) -> DeployerCard:
    """Return the kit's deployer with another class."""
    (card,) = (card for card in CARDS if isinstance(card, DeployerCard))
    return attrs.evolve(card, load=f"{cls.__module__}:{cls.__name__}", **attributes)


def test_answers_are_compared_where_they_must_not_differ(tried: Try) -> None:
    """A card whose answers may differ is asked, and the rule is left out with the reason."""
    same = tried(deployer(EchoEndpoint, answers_differ="never"), model=MODEL)
    other = tried(deployer(EchoEndpoint), model=MODEL)

    assert ([], []) == (same.problems, other.problems)
    assert "NAME THE CAPITAL.\n\nPERU\n\n" == same.result["answers"][0]
    assert "answers" not in other.result
    assert "answers_differ='always'" in other.left_out["seed"]
    assert "delete-twice" in same.kept


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (RandomNames, "seed: resources were "),
        (NoEndpoint, "interface: deploy returned 'http://127.0.0.1', no Endpoint"),
        (Texts, "interface: the transport returned 'yes', no Answer"),
        (Refuses, "inputs: record 0 got no answer: no such model; records= gives others"),
    ],
)
def test_what_breaks_the_contract_is_named(tried: Try, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(deployer(cls), model=MODEL))
