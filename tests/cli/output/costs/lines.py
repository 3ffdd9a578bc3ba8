"""Printed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The printed lines, with single spaces."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
