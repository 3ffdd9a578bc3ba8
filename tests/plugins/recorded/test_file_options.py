"""Which file has the answers, and which of its fields hold what."""

from __future__ import annotations

import pytest

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_sdk.plugin import BaseModel

from .rows import options


def test_a_base_model_holds_the_options_that_are_set() -> None:
    """They are made of it again in the step; what is set is part of the key."""
    chosen = options("a.csv", id="key", answer="said", filter={"model": "gpt-4", "run": 2}, delimiter=";")

    base = chosen.base_model()

    filters = '{"model": "gpt-4", "run": 2}'
    expected = {"id": "key", "answer": "said", "filter": filters, "delimiter": ";"}
    assert BaseModel("recorded", "a.csv", parameters=expected) == base
    assert chosen == RecordedModelOptions.of(base)
    scored = options("a.csv", scores={"quality": "judge.score"}, shared=True)
    assert scored == RecordedModelOptions.of(scored.base_model())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoding": "utf8000"}, "no text encoding is called 'utf8000'; common ones: utf-8, utf-16, windows-1252"),
        ({"scores": {"quality": " "}}, "scores maps the name of a metric to a field, not 'quality' to ' '"),
        ({"filter": {"model": ["a", "b"]}}, "filter compares 'model' with a text, a number, true or false, not"),
    ],
)
def test_options_that_cannot_be(values: dict[str, object], message: str) -> None:
    """They are refused when the pipeline is built."""
    with pytest.raises(ValueError, match=message):
        options("a.csv", **values)
