"""Commands that start the stub server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.served import programs
from llmops_plugins.served.options import ServedOptions

STUB = (sys.executable, str(Path(__file__).with_name("stub_server.py")), "--port", "{port}")


@pytest.fixture(name="script_modules", autouse=True)
def _script_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts of these tests need no packages."""
    monkeypatch.setattr(programs, "SCRIPT_MODULES", ())


@pytest.fixture(name="stub")
def _stub() -> Any:
    """Return the options of a stub server, with more arguments of its command."""

    def options(*arguments: str, **others: Any) -> ServedOptions:
        return ServedOptions(command=[*STUB, *arguments], **others)

    return options
