"""What `llmops doctor` says about this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmops_plugins.local import checks


def test_checks_are_light() -> None:
    """The checks look without importing torch, and every one of them finds something to say."""
    script = (
        "import sys; from llmops_plugins.local.checks import checks\n"
        "for check in checks():\n"
        "    found = check.run()\n"
        "    assert found.status in ('ok', 'warning', 'error') and found.text, found\n"
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is not installed is an error with what to type."""
    monkeypatch.setattr(checks, "_LIBRARIES", ("attrs", "no-such-library"))
    found = checks._look_at_libraries()
    assert (found.status, found.text) == ("error", "not installed: no-such-library")
    assert found.hint == "pip install 'llmops-sdk[local]'"


@pytest.mark.parametrize(
    ("available", "status", "text"), [(16_000_000, "ok", "16.4 GB free"), (2_000_000, "warning", "2.0 GB free; ")]
)
def test_memory(tmp_path: Path, available: int, status: str, text: str) -> None:
    """Little free memory is a warning that says how much training takes."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal:       99 kB\nMemAvailable:   {available} kB\nHugePages_Total:       0\n")
    found = checks._look_at_memory(meminfo)
    assert found.status == status
    assert found.text.startswith(text)
