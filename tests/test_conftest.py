"""The fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest


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
