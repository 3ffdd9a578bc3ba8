"""The options of a judge: what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.metrics.judge.options import JudgeOptions
from llmops_sdk import SpecError
from llmops_sdk.plugin import Billing
from llmops_sdk.plugin.registry import Registry

from .conftest import URL


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, "'url' is missing"),
        ({"url": "judge:8000"}, "url is the judge's address"),
        ({"url": "http://"}, "url is the judge's address"),
        ({"url": "https://me:sk-a@judge.example/v1"}, "url contains a secret"),
        ({"url": "https://judge.example/v1?api-key=sk-a"}, "url contains a secret"),
        ({"api_key": "sk-a"}, "a secret is written as a reference"),
        ({"form": "openai"}, "form is one of chat, text, not 'openai'"),
        ({"prompt": "Grade it."}, r"the prompt has no placeholder \{output\}"),
        ({"prompt": "{output} {"}, "the prompt cannot be read"),
        ({"prompt": "{output} {}"}, "a placeholder of the prompt is a plain name"),
        ({"prompt": "{output!r}"}, "a placeholder of the prompt is a plain name"),
        ({"prompt": "{output}", "rubric": "mine"}, r"the prompt has no placeholder \{rubric\}"),
        ({"lowest": 5, "highest": 5}, "lowest must be below highest"),
        ({"highest": 10}, "the default rubric has grades from 1 to 5"),
        ({"metric": "my judge"}, "a metric's name consists of"),
        ({"repeats": 3}, "repeats above 1 need a temperature above 0"),
        ({"extra_body": {"messages": []}}, "extra_body cannot have 'messages'"),
        ({"model": "a", "extra_body": {"model": "b"}}, "the model is given twice"),
    ],
)
def test_invalid_options_are_refused(metrics_registry: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built, with the reason and without a secret."""
    complete = {name: value for name, value in {"url": URL, **options}.items() if value is not None}
    with pytest.raises(SpecError, match=message) as error:
        metrics_registry.make("evaluator", "llm-judge", complete)

    assert "sk-a" not in str(error.value)


def test_the_tokens_of_a_judge_are_billed() -> None:
    """At the price of its address."""
    assert Billing("tokens", "gpt-4o", address=URL, is_own=True) == JudgeOptions(url=URL, model="gpt-4o").billing()
    assert not JudgeOptions(url="https://judge.example.org", model="gpt-4o").billing().is_own
