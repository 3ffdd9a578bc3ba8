"""Passwords and signatures in URLs reach no plan."""

from __future__ import annotations

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.secret_urls import refuse_secret_urls

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
