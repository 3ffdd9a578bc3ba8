"""The secrets of a plan: none is in it, and a run is refused before it costs anything where one is not set."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from llmops_sdk import Pipeline, SpecError, UserError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.planning.secrets import refuse_secret_urls, secret_checks
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


SECRETS = [
    "https://user:hunter2@host/path",
    "postgresql://:hunter2@host/db",
    "https://host/x?X-Amz-Signature=hunter2&a=b",
    "https://host/x?a=b&sig=hunter2",
    "https://host/x?token=hunter2",
    "https://host/x#access_token=hunter2",
    "https://bucket.s3.amazonaws.com/k?AWSAccessKeyId=A&Expires=1&Signature=hunter2",
    "https://ghp_hunter2hunter2hunter2@github.com/x.git",
    "see https://host/x?api_key=hunter2",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_url_with_a_secret_is_refused_without_showing_it(url: str, registry: Registry) -> None:
    """In options and settings of every kind; the message names the option."""
    base = Pipeline.builder().with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    for pipeline in (
        base.with_model("echo", fine_tune=False, deployer={"url": url}),
        base.with_model("echo", voice=url, fine_tune=False),
        base.with_model("echo", fine_tune=False).with_settings("testing", note=url),
    ):
        with pytest.raises(SpecError, match="is a URL with") as raised:
            pipeline.build(registry)
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/x?page=2",
        "https://user@host/x",
        "s3://bucket/a:b@c",
        "https://host/x?token=",
        "token=abc",
        "a:b@c",
        "http://[::1]:80/",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    """Ports, users and the like are no secrets."""
    refuse_secret_urls({"a": [text]}, "model 'x'")


def test_a_name_is_looked_at_too() -> None:
    """Options may be mappings of URLs."""
    with pytest.raises(SpecError, match="a name in model 'x' is a URL with a password"):
        refuse_secret_urls({"https://user:hunter2@host": "a"}, "model 'x'")
