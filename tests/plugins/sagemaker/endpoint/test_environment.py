"""The variables of a container: limits of SageMaker, and secrets by reference."""

from __future__ import annotations

import pytest

from llmops_plugins.sagemaker.endpoint.environment import Environment, check_environment
from llmops_sdk import EndpointError, SpecError, UserError


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MY-VAR": "1"}, "has a name of letters, digits and '_' .* not 'MY-VAR'"),
        ({"1A": "1"}, "not '1A'"),
        ({"A" * 1025: "1"}, "at most 1024 characters"),
        ({"A": "x" * 1025}, "the container's variable 'A' has 1025 characters; SageMaker takes 1024"),
        ({f"A{number}": "1" for number in range(101)}, "at most 100 variables, not 101"),
    ],
)
def test_what_sagemaker_would_refuse_is_an_error(variables: dict[str, str], message: str) -> None:
    """Before anything is created; the message names the variable."""
    with pytest.raises(ValueError, match=message):
        check_environment(None, None, variables)


def test_texts_at_the_limits_are_allowed() -> None:
    """A name may start with an underscore."""
    check_environment(None, None, {"_a1": "x" * 1024, "B" * 1024: "", "C": "env:NAME"})
    with pytest.raises(SpecError, match="a secret is written as a reference"):
        check_environment(None, None, {"A": "env:"})


def test_a_reference_takes_the_variable_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts stay as they are; a missing variable is named."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert {"A": "text", "TOKEN": "hf_secret"} == Environment({"A": "text", "TOKEN": "env:HF_TOKEN"}).variables
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(SpecError, match="set the environment variable 'HF_TOKEN'"):
        Environment({"TOKEN": "env:HF_TOKEN"})


def test_errors_do_not_show_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class of the error stays, and its cause, which has the secret too, is dropped."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    environment = Environment({"TOKEN": "env:HF_TOKEN"})
    for kind in (UserError, EndpointError):
        with pytest.raises(kind, match=r"value .\*\*\*. is bad") as caught, environment.masked_errors():
            raise kind("value 'hf_secret' is bad")  # noqa: EM101, TRY003 - a test's own
        assert caught.value.__cause__ is None
    with pytest.raises(UserError, match="other") as other, environment.masked_errors():
        raise UserError("other") from ValueError("kept")  # noqa: EM101 - a test's own
    assert other.value.__cause__ is not None
    assert "no secrets: hf_secret" == Environment({"A": "hf_secret"}).masked("no secrets: hf_secret")
