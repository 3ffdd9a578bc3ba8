"""The secrets of a plan: a run is refused before it costs anything where one is not set."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from llmops_sdk import Pipeline, UserError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.planning.secrets import secret_checks
from llmops_sdk.plugin import (
    DatasetCard,
    DeployerCard,
    DeployerOptions,
    ExecutorCard,
    Finding,
    Options,
    Secret,
    hookimpl,
    option,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, Lines, MemoryStore


@attrs.frozen(kw_only=True)
class TokenOptions(Options):
    """A dataset that takes a token, and a text that only looks like a reference."""

    token: Secret | None = option(None)  # noqa: RUF009 - a field
    text: str = option("")


@attrs.frozen(kw_only=True)
class VariablesOptions(DeployerOptions):
    """A deployer that passes variables on."""

    environment: Mapping[str, str] = option(factory=dict)


class Remote:
    """An executor that runs the steps on other machines."""

    remote = True

    def __init__(self, options: object) -> None:
        self.options = options


@pytest.fixture(name="plugins")
def _plugins(registry: Registry) -> Iterator[Registry]:
    module = types.ModuleType("secret_hooks")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        lines, echo = (f"{cls.__module__}:{cls.__name__}" for cls in (Lines, EchoEndpoint))
        return (
            DatasetCard(name="private", summary="x", load=lines, options=TokenOptions),
            DeployerCard(name="variables", summary="x", load=echo, options=VariablesOptions, accepts=("echo",)),
            ExecutorCard(name="remote", summary="x", load=f"{__name__}:Remote"),
        )

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    registry.add("secrets", module)
    yield registry
    del sys.modules[module.__name__]


def _pipeline() -> Pipeline:
    variables = {"use": "variables", "environment": {"HF_TOKEN": "env:LLMOPS_TEST_B", "MODE": "plain"}}
    return (
        Pipeline.builder("p")
        .with_dataset("private", token="env:LLMOPS_TEST_A", text="env:LLMOPS_TEST_TEXT")
        .with_prompt("bare")
        .with_model("echo", fine_tune=False, deployer=variables)
        .with_evaluator("echo-score")
    )


def _findings(plugins: Registry, pipeline: Pipeline, *, offline: bool = False) -> dict[str, Finding]:
    plan = pipeline.build(plugins, offline=True)
    return {check.name: run_check(check) for check in secret_checks(plan, plugins, offline=offline)}


def test_each_reference_is_checked(plugins: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets, and references in mappings; a plain text is none."""
    monkeypatch.setenv("LLMOPS_TEST_A", "secret")
    monkeypatch.delenv("LLMOPS_TEST_B", raising=False)

    missing = Finding("error", "the environment variable 'LLMOPS_TEST_B' is not set", "export LLMOPS_TEST_B=...")
    assert {
        "dataset 'private': token": Finding("ok", "the environment variable 'LLMOPS_TEST_A' is set"),
        "deployer 'variables': environment": missing,
    } == _findings(plugins, _pipeline())


def test_offline_no_token_of_a_dataset_is_needed(plugins: Registry) -> None:
    """The dataset comes from this machine then."""
    assert ["deployer 'variables': environment"] == list(_findings(plugins, _pipeline(), offline=True))


def test_variables_of_other_machines_are_not_checked(plugins: Registry) -> None:
    """Datasets are prepared here; what runs on another machine finds its variables there."""
    assert ["dataset 'private': token"] == list(_findings(plugins, _pipeline().with_executor("remote")))


def test_a_run_is_refused_before_it_starts(plugins: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and the message has what to do."""
    monkeypatch.setenv("LLMOPS_TEST_A", "")
    monkeypatch.setenv("LLMOPS_TEST_B", "x")
    store = MemoryStore()

    with pytest.raises(
        UserError, match=r"nothing was started: dataset 'private': token: .* 'LLMOPS_TEST_A' is not set"
    ):
        _pipeline().run(store=store, registry=plugins)

    assert not list(store.list("runs/"))
