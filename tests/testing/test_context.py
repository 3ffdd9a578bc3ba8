"""`make_context`: the context for a test that calls one implementation."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import AssetError, Registry
from llmops_sdk.testing import Lines, LinesOptions, make_context


def test_an_implementation_can_be_called_with_it(tmp_path: Path) -> None:
    """The folder exists, and the cache is next to it."""
    context = make_context(tmp_path / "data")

    splits = Lines(LinesOptions(records=4)).load(context)

    assert (2, 2) == (splits.train.records, splits.test.records)
    assert tmp_path / "home" == context.home


def test_assets_settings_and_plugins_are_given(tmp_path: Path, registry: Registry) -> None:
    """An asset that was not given is an error that names it."""
    context = make_context(tmp_path, assets={"words": tmp_path}, settings={"region": "north"}, registry=registry)

    assert tmp_path == context.asset("words")
    assert {"region": "north"} == context.settings
    assert isinstance(context.make("dataset", "lines", {}), Lines)
    with pytest.raises(AssetError, match="no asset 'wordnet'"):
        context.asset("wordnet")
