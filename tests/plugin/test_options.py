"""Options: how they become JSON, and what their base classes do by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk.plugin import (
    BaseModel,
    Check,
    DeployerOptions,
    Finding,
    ModelOptions,
    Options,
    Secret,
    TrainerOptions,
    extra_fields,
    option,
)

BASE = BaseModel(format="echo", source="loud")


@attrs.frozen(kw_only=True)
class Example(Options):
    """One option of several types."""

    path: Path = option(Path("rows.csv"), help="a file", path=True)  # noqa: RUF009 - `option` declares a field
    words: tuple[str, ...] = option(factory=lambda: ("a", "b"))
    token: Secret | None = option(None)  # noqa: RUF009 - `option` declares a field
    count: int = option(3, affects_results=False)


def test_options_become_json_values() -> None:
    """Paths are texts, tuples are lists, and a secret is its reference."""
    options = Example(token=Secret("env:TOKEN"), count=4)

    assert {"path": "rows.csv", "words": ["a", "b"], "token": "env:TOKEN", "count": 4} == options.to_mapping()


def test_an_option_carries_its_description() -> None:
    """`llmops plugins` and the keys of artifacts read it from the field."""
    fields = attrs.fields_dict(Example)

    assert {"help": "a file", "affects_results": True, "path": True} == fields["path"].metadata
    assert not fields["count"].metadata["affects_results"]


@pytest.mark.parametrize("cls", [TrainerOptions, DeployerOptions])
def test_options_check_nothing_by_default(cls: type[TrainerOptions | DeployerOptions]) -> None:
    """A card without checks or assets needs no methods."""
    options = cls()

    options.check(BASE, {}, {})
    options.check_online(BASE, {})
    assert () == options.preflight(BASE, {})
    assert () == options.assets()


def test_fine_tuned_weights_have_the_checks_of_base_weights_by_default() -> None:
    """A deployer for which they differ has a method of its own."""
    checks = (Check("quota", lambda: Finding("ok", "")),)

    @attrs.frozen(kw_only=True)
    class Checked(DeployerOptions):
        def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> tuple[Check, ...]:
            return checks

    assert checks == Checked().trained_preflight(BASE, TrainerOptions(), {})


def test_model_options_must_name_the_base_model() -> None:
    """A subclass without `base_model` cannot be used."""

    @attrs.frozen(kw_only=True)
    class Nameless(ModelOptions):
        """Names no weights."""

    with pytest.raises(TypeError, match="base_model"):
        Nameless()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"messages": []}, "fields cannot have 'messages': the prompt sets it"),
        ({"a": {1, 2}}, "fields is not valid JSON"),
        ({"a": float("nan")}, "fields is not valid JSON"),
    ],
)
def test_further_fields_of_requests_are_json_and_none_that_is_set_already(value: dict[str, Any], error: str) -> None:
    """The message names the option, the field and what sets it."""

    @attrs.frozen(kw_only=True)
    class WithFields(Options):
        fields: Mapping[str, Any] = option(
            factory=dict, validator=extra_fields(["messages"], "the prompt sets it"), help="further fields"
        )

    assert {"top_k": 5, "n": None} == WithFields(fields={"top_k": 5, "n": None}).fields
    with pytest.raises(ValueError, match=error):
        WithFields(fields=value)


def test_options_may_have_two_bases() -> None:
    """Each with fields of its own; in Python 3.10 that takes a common base that has a `__dict__`."""

    @attrs.frozen(kw_only=True)
    class Sampled(Options):
        seed: int = option(1, help="a seed")

    @attrs.frozen(kw_only=True, slots=False)
    class Cut(Options):
        most: int = option(2, help="a limit")

    @attrs.frozen(kw_only=True)
    class Both(Sampled, Cut):
        pass

    assert {"seed": 3, "most": 2} == Both(seed=3).to_mapping()
    assert {} == vars(Options())
