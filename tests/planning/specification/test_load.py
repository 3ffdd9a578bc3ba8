"""`load` in a specification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.load import load_from
from llmops_sdk.values.load import Load


def test_levels_ascend_and_have_a_hundred_requests_each() -> None:
    """More where the highest level needs more to be reached."""
    assert Load((1, 4, 16)) == load_from({"concurrency": [16, 1, 4]}, "load")
    assert (100, 400, 8) == tuple(each.requests_each for each in (Load((1, 4)), Load((200,)), Load((1,), 8)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (4, "load is a mapping such as {concurrency: [1, 4, 16]}, not 4"),
        ({}, "load.concurrency is a list of numbers of requests in flight; write `load: {concurrency: [1, 4, 16]}`"),
        (
            {"concurrency": 4},
            "load.concurrency is a list of numbers of requests in flight; write `load: {concurrency: [1, 4, 16]}`",
        ),
        ({"concurrency": [1, 0]}, "load.concurrency.1 is a whole number from 1 to 1,024, not 0"),
        ({"concurrency": [2.5]}, "load.concurrency.0 is a whole number from 1 to 1,024, not 2.5"),
        ({"concurrency": [True]}, "load.concurrency.0 is a whole number from 1 to 1,024, not True"),
        ({"concurrency": [5000]}, "load.concurrency.0 is a whole number from 1 to 1,024, not 5000"),
        ({"concurrency": [4, 1, 4]}, "load.concurrency has 4 twice; name each number once"),
        ({"concurrency": [1], "requests": 0}, "load.requests is a whole number from 1 to 100,000, not 0"),
        ({"concurrency": [1], "levels": 2}, "load has an unknown key 'levels'; known: concurrency, requests"),
        (
            {"concurrency": [1, 16], "requests": 10},
            "load.requests is 10, and 16 requests are never in flight at a time then; write at least 16, better several times as many",
        ),
    ],
)
def test_what_is_no_load_is_named(data: Any, message: str) -> None:
    """In one line."""
    with pytest.raises(SpecError) as error:
        load_from(data, "load")

    assert message == str(error.value)


def test_a_builder_and_a_file_say_the_same(tmp_path: Path) -> None:
    """`to_yaml` writes what `from_yaml` reads."""
    built = Pipeline.builder("p").with_model("echo").with_load(4, 1, requests=50)
    path = tmp_path / "p.yaml"
    path.write_text(built.to_yaml(), encoding="utf-8")

    assert Load((1, 4), 50) == built.spec.load
    assert built.spec.load == Pipeline.from_yaml(path).spec.load
    assert "requests" not in Pipeline.builder("p").with_model("echo").with_load(1).to_yaml()
