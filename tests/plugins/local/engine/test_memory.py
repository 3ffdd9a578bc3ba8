from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.device import Device  # noqa: E402
from llmops_plugins.local.engine import memory  # noqa: E402
from llmops_plugins.local.weights.loading import count_parameters  # noqa: E402
from llmops_sdk.plugin import AssetError  # noqa: E402


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


@pytest.mark.parametrize(
    ("engine", "free", "fits"),
    [
        ("openvino", 1e12, ""),
        (
            "openvino",
            6,
            "torch with float32 (0.0 GB) or torch with bfloat16 (0.0 GB) or a model of at most 0.0 billion",
        ),
        ("torch", 3, "torch with bfloat16 (0.0 GB) or a model of at most"),
        ("torch", 1, "what fits: a model of at most"),
    ],
)
def test_too_little_memory_is_reported_before_loading(
    tiny_model: Path, engine: str, free: float, fits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what would fit into what is free, here in bytes per parameter."""
    monkeypatch.setattr(memory, "free_memory", lambda: free * count_parameters(tiny_model))
    device = Device.named("cpu", "float32", engine)
    if not fits:
        memory.check_memory(tiny_model, device)
        return
    with pytest.raises(AssetError, match=f"the engine {engine} with float32 takes .*{re.escape(fits)}"):
        memory.check_memory(tiny_model, device)
