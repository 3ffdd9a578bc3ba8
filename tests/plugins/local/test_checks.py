from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmops_plugins.local import checks
from llmops_plugins.local.engine import memory
from llmops_sdk.plugin import install_hint


def test_no_check_imports_torch() -> None:
    """Every check has a status and a text nevertheless."""
    script = (
        "import sys; from llmops_plugins.local.checks import checks\n"
        "for check in checks():\n"
        "    finding = check.run()\n"
        "    assert finding.status in ('ok', 'warning', 'error') and finding.text, finding\n"
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_a_missing_library_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is the command that installs it; what needs no such model works."""
    monkeypatch.setattr(checks, "_LIBRARIES", ("attrs", "no-such-library"))
    finding = checks._check_libraries()
    assert (finding.status, finding.text) == ("warning", "not installed: no-such-library")
    assert finding.hint == install_hint("local")


@pytest.mark.parametrize(
    ("available", "status", "text"), [(16_000_000, "ok", "16.4 GB free"), (2_000_000, "warning", "2.0 GB free; ")]
)
def test_little_free_memory_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int, status: str, text: str
) -> None:
    """The warning has the memory that training takes; free is what the engine would take too, in a container as well."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal:       99 kB\nMemAvailable:   {available} kB\nHugePages_Total:       0\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    finding = checks._check_memory()
    assert finding.status == status
    assert finding.text.startswith(text)
