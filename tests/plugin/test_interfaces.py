"""The interfaces: what a class that implements only the abstract methods does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.plugin import (
    Answer,
    BaseModel,
    Context,
    Deployer,
    Endpoint,
    Evaluator,
    GenerationOptions,
    OrphanFinder,
    Prompt,
    RecordScore,
    RequestError,
    Resource,
    ServableModel,
    SpecError,
    TaggedResource,
    TextPrompt,
    Transport,
)

BASE = BaseModel(format="echo", source="loud")


class Serving(Deployer):
    """Serves nothing."""

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        return Endpoint(name="x")


class Scoring(Evaluator):
    """Scores nothing."""

    metrics = ()

    def evaluate(self, context: Context, generations: Any) -> Iterator[RecordScore]:
        return iter(())


class Finder(OrphanFinder):
    """Finds nothing."""

    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        return iter(())

    def delete(self, resource: Resource) -> None:
        """Delete nothing."""


class Sending(Transport):
    """Answers with nothing."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        return Answer("")


def test_an_implementation_is_made_from_its_options() -> None:
    """The base class keeps them; there is no constructor to write."""
    assert "options" == Serving("options").options


def test_the_optional_methods_have_harmless_defaults(tmp_path: Path) -> None:
    """No resources, no fingerprint, nothing kept, the core's own HTTP, no probes and no provenance."""
    context = Context(folder=tmp_path, home=tmp_path)
    deployer, evaluator = Serving(None), Scoring(None)

    assert () == deployer.resources(context, BASE)
    assert "" == deployer.fingerprint(context, BASE) == evaluator.fingerprint(context)
    assert not deployer.keeps
    assert deployer.connect(context, Endpoint(name="x")) is None
    assert () == evaluator.probes(context, {})
    assert {} == evaluator.provenance(context)
    assert "Finder" == Finder({}).place


def test_a_transport_without_log_probabilities_is_not_asked_again() -> None:
    """The error is final, so a retry does not repeat the request."""
    with pytest.raises(RequestError, match="returns no log-probabilities") as raised:
        Sending().log_probability(TextPrompt("a", ""))

    assert not raised.value.retryable
    Sending().close()


def test_abstract_methods_must_be_implemented() -> None:
    """A class that lacks one cannot be made."""
    with pytest.raises(TypeError, match="deploy"):
        Deployer(None)  # type: ignore[abstract]


def test_a_deployer_serves_nothing_on_this_machine(tmp_path: Path) -> None:
    """Unless it says how; the error is the user's."""
    with pytest.raises(SpecError, match="its model does not run on this machine"):
        Serving(None).serve(Context(folder=tmp_path, home=tmp_path), BASE, name="x", port=0)
