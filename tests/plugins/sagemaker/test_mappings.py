"""Merged mappings."""

from __future__ import annotations

import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.mappings import merge


def test_mappings_are_merged_and_other_values_replaced() -> None:
    """At every depth, and neither mapping is changed."""
    base = {"a": {"b": {"c": 1, "d": 2}, "e": [1]}, "f": 1}

    assert {"a": {"b": {"c": 3, "d": 2}, "e": [2]}, "f": {"g": 1}} == merge(
        base, {"a": {"b": {"c": 3}, "e": [2]}, "f": {"g": 1}}
    )
    assert {"a": {"b": {"c": 1, "d": 2}, "e": [1]}, "f": 1} == base


@pytest.mark.parametrize("is_replaced", [True, False])
def test_an_empty_mapping_replaces_on_request(*, is_replaced: bool) -> None:
    """A config leaves the other's values; JumpStart's configurations take them away."""
    assert {"a": {} if is_replaced else {"b": 1}} == merge({"a": {"b": 1}}, {"a": {}}, empty_replaces=is_replaced)
