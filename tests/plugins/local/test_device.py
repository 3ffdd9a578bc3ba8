from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmops_sdk import SpecError

pytest.importorskip("torch")

import torch

from llmops_plugins.local import device


def test_a_cpu_computes_in_its_faster_format() -> None:
    """On a CPU, `auto` is bfloat16 only if a timed product is clearly faster in it; the times are kept."""
    picked = device.pick_device("cpu")

    assert (picked.kind, picked.index, picked.name) == ("cpu", "", "cpu")
    assert set(picked.probe) == {"float32", "bfloat16"}
    clearly_faster = picked.probe["float32"] > 1.3 * picked.probe["bfloat16"]
    assert picked.dtype == ("bfloat16" if clearly_faster else "float32")
    assert picked.metadata == {"device": "cpu", "dtype": picked.dtype}


def test_a_given_dtype_is_used() -> None:
    """Nothing is timed."""
    picked = device.pick_device("cpu", "bfloat16")

    assert (picked.dtype, picked.probe) == ("bfloat16", {})
    assert picked.torch_dtype == torch.bfloat16
    assert picked.torch_device == torch.device("cpu")


@pytest.mark.parametrize("wrong", ["gpu", "cpu:1", "cuda:x", "mps:0", ""])
def test_an_unknown_device_is_refused(wrong: str) -> None:
    """The error has the known ones."""
    with pytest.raises(SpecError, match=rf"unknown device '{wrong}'; use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"):
        device.pick_device(wrong)


def test_an_unknown_dtype_is_refused() -> None:
    """The error has the known ones."""
    with pytest.raises(SpecError, match="unknown dtype 'float64'; known: auto, float32, bfloat16"):
        device.pick_device("cpu", "float64")


def test_a_missing_device_is_refused() -> None:
    """The CPU never replaces it silently."""
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(SpecError, match=rf"this machine has no device '{absent}': torch sees \d+ CUDA devices"):
        device.pick_device(absent)
    if not torch.backends.mps.is_available():
        with pytest.raises(SpecError, match="this machine has no device 'mps'"):
            device.pick_device("mps")


def test_a_child_process_waits_without_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the user has set is left alone."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert device.child_environment()["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert "OMP_WAIT_POLICY" not in device.child_environment()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_only_usable_cores_are_counted() -> None:
    """The process's affinity limits them."""
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from llmops_plugins.local.device import usable_cores; print(usable_cores())"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("text", "cores"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), (None, None)]
)
def test_a_containers_quota_limits_the_cores(tmp_path: Path, text: str | None, cores: float | None) -> None:
    """It is read from the control group; no limit and no such file are the same."""
    limit = tmp_path / "cpu.max"
    if text is not None:
        limit.write_text(text)
    assert device._container_quota(limit) == cores
