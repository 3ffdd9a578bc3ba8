"""The fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import LONG, SHARED, work_unit

ROOT = Path(__file__).parents[1]


def test_the_files_of_a_folder_share_a_process() -> None:
    """If they share what takes long to load; each other file may have a process of its own."""
    assert all((ROOT / folder).is_dir() for folder in SHARED)
    assert all((ROOT / file).is_file() for file in LONG)
    assert "tests/plugins/datasets/" == work_unit("tests/plugins/datasets/test_hub.py")
    assert "tests/values/test_names.py" == work_unit("tests/values/test_names.py")


def test_a_missing_package_skips_a_test_or_fails_it(
    needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLMOPS_REQUIRE_TEST_DATA decides: CI cannot pass by skipping."""
    monkeypatch.setenv("LLMOPS_REQUIRE_TEST_DATA", "1")
    with pytest.raises(AssertionError, match="no_such_package is not installed"):
        needs("pytest", "no_such_package")
    monkeypatch.delenv("LLMOPS_REQUIRE_TEST_DATA")
    with pytest.raises(pytest.skip.Exception, match="no_such_package is not installed"):
        needs("no_such_package")
