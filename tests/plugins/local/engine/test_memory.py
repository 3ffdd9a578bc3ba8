from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine import memory  # noqa: E402


def test_free_memory_is_what_the_tightest_limit_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine's available memory, or a container's limit minus its usage, not counting its file cache."""
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    meminfo.write_text("MemTotal: 9000 kB\nMemFree: 100 kB\nMemAvailable:   5000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_GROUP", group)
    assert 5000 * 1024 == memory.free_memory()
    group.mkdir()
    for name, text in (("max", "max\n"), ("current", "700\n"), ("stat", "anon 1\ninactive_file 300\n")):
        (group / f"memory.{name}").write_text(text)
    assert 5000 * 1024 == memory.free_memory()
    (group / "memory.max").write_text("1000\n")
    assert 600 == memory.free_memory()
    meminfo.unlink()
    (group / "memory.max").write_text("max\n")
    assert 0 < memory.free_memory() < float("inf")


def test_total_memory_does_not_depend_on_what_is_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is a container's limit, else the machine's memory."""
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    machine = memory.total_memory()
    assert 0 < machine < float("inf")
    (tmp_path / "memory.max").write_text("1000\n")
    assert 1000 == memory.total_memory()
    (tmp_path / "memory.max").write_text("max\n")
    assert machine == memory.total_memory()
