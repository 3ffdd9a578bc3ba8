"""Errors of boto3 become errors of this project, in one line that says how to fix them."""

from __future__ import annotations

import pytest

pytest.importorskip("botocore")

from botocore import exceptions

from llmops_plugins.sagemaker.errors import error_code, error_text, translated_errors
from llmops_sdk import EndpointError, UserError


def refusal(code: str, message: str = "no") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "Create")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (exceptions.NoCredentialsError(), UserError, "there are no AWS credentials: run 'aws configure' or 'aws sso"),
        (exceptions.ProfileNotFound(profile="x"), UserError, "(x) could not be found: set another one with"),
        (exceptions.NoRegionError(), UserError, "no AWS region is set: with_settings"),
        (
            exceptions.SSOTokenLoadError(error_msg="old"),
            UserError,
            "the AWS credentials have expired (Error loading SSO",
        ),
        (
            refusal("ExpiredToken"),
            UserError,
            "the AWS credentials have expired: renew them with 'aws sso login' or new keys, then resume with llmops",
        ),
        (refusal("InvalidClientTokenId", ""), UserError, "does not recognize the credentials: InvalidClientTokenId"),
        (refusal("AccessDenied"), UserError, "AWS denied access: no; the user or role lacks a permission"),
        (refusal("ResourceLimitExceeded"), UserError, "no; ask for a higher quota, or take another instance type"),
        (refusal("SlowDown"), EndpointError, "AWS is throttling requests (no): wait, then resume with llmops run"),
        (refusal("ValidationException", "bad\nname"), EndpointError, "job 'x': bad name"),
        (
            exceptions.EndpointConnectionError(endpoint_url="u"),
            EndpointError,
            "AWS cannot be reached: Could not connect",
        ),
    ],
)
def test_an_error_names_the_subject_and_the_fix(error: Exception, kind: type[Exception], message: str) -> None:
    """The cause is kept."""
    with pytest.raises(kind) as caught, translated_errors("job 'x'"):
        raise error

    assert str(caught.value).startswith("job 'x': ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert error is caught.value.__cause__


def test_other_errors_are_not_changed() -> None:
    """They are not boto3's."""
    with pytest.raises(ValueError, match="mine"), translated_errors("job 'x'"):
        raise ValueError("mine")  # noqa: EM101 - a test's own


def test_a_long_message_is_shortened() -> None:
    """A proxy may answer with a page of HTML."""
    assert 503 == len(error_text(refusal("500", "x" * 1000)))
    assert ("500", "") == (error_code(refusal("500")), error_code(ValueError()))
