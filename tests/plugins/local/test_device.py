from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import SpecError

pytest.importorskip("torch")

import torch

from llmops_plugins.local import device


def have(monkeypatch: pytest.MonkeyPatch, **properties: Any) -> None:
    """Make this a machine with other properties."""
    machine = device.Machine(**properties)
    monkeypatch.setattr(device, "this_machine", lambda: machine)
    monkeypatch.setattr(device, "_cpu", lambda: attrs.evolve(machine, gpus=(), apple=False))


@pytest.mark.parametrize(
    ("properties", "asked", "expected"),
    [
        ({}, "auto", device.Device("cpu", "", "float32")),
        ({}, "cpu", device.Device("cpu", "", "float32")),
        ({"cpu_bfloat16": True}, "auto", device.Device("cpu", "", "bfloat16")),
        ({"gpus": (True,)}, "auto", device.Device("cuda", "0", "bfloat16")),
        ({"gpus": (True, True)}, "cuda:1", device.Device("cuda", "1", "bfloat16")),
        ({"gpus": (True, False)}, "cuda:0", device.Device("cuda", "0", "float32")),
        ({"gpus": (True,)}, "cpu", device.Device("cpu", "", "float32")),
        ({"apple": True}, "auto", device.Device("mps", "", "float32")),
    ],
)
def test_the_machine_decides_how_to_compute(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], asked: str, expected: device.Device
) -> None:
    """`auto` is a GPU if there is one, and bfloat16 only with instructions for it, on every GPU of the run."""
    have(monkeypatch, **properties)
    assert expected == device.pick_device(asked, engine="torch")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f", "float32"),
        ("fpu avx512f avx512_bf16", "bfloat16"),
        ("fpu amx_tile amx_bf16", "bfloat16"),
        (None, "float32"),
    ],
)
def test_the_instructions_of_a_cpu_decide_its_format(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, expected: str
) -> None:
    """They are read from the processor's flags; nothing is timed, so every process decides the same."""
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n")
    monkeypatch.setattr(device, "_CPUINFO", cpuinfo)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert expected == device.pick_device("cpu").dtype


def test_every_process_of_a_machine_decides_the_same() -> None:
    """Ten processes agree; without a GPU, none of them loads torch for it."""
    script = (
        "import sys; from llmops_plugins.local.device import pick_device, may_have_gpu;"
        "print(pick_device(), 'torch' in sys.modules and not may_have_gpu())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(10)
    }
    assert {f"{device.pick_device()} False\n".encode()} == outputs


def test_a_process_with_one_gpu_looks_at_all_gpus_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two GPUs has no bfloat16: both of a run's candidates are computed in float32, each on its own GPU."""
    seen: list[str] = []

    def look(_command: list[str], *, env: dict[str, str], **_options: Any) -> Any:
        seen.append(env["CUDA_VISIBLE_DEVICES"])
        return subprocess.CompletedProcess([], 0, stdout=b'{"cuda": [true, false], "apple": false}\n')

    device.this_machine.cache_clear()
    monkeypatch.setattr(device, "may_have_gpu", lambda: True)
    monkeypatch.setattr("subprocess.run", look)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv(device.ALL_GPUS, "0,1")
    try:
        assert device.Device("cuda", "0", "float32") == device.pick_device()
        assert ["0,1"] == seen
        with pytest.raises(SpecError, match="'cuda:1': torch sees 1 CUDA devices"):
            device.pick_device("cuda:1")
    finally:
        device.this_machine.cache_clear()


def test_without_a_working_torch_the_cpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that looks for GPUs fails: there is none that could be used."""
    device.this_machine.cache_clear()
    monkeypatch.setattr(device, "may_have_gpu", lambda: True)
    monkeypatch.setattr("sys.executable", "/no/such/python")
    monkeypatch.setenv(device.ALL_GPUS, "0")
    try:
        assert "cpu" == device.pick_device().kind
    finally:
        device.this_machine.cache_clear()


def test_a_given_dtype_is_used() -> None:
    """Whatever the machine has."""
    picked = device.pick_device("cpu", "bfloat16")

    assert "bfloat16" == picked.dtype
    assert torch.bfloat16 == picked.torch_dtype
    assert torch.device("cpu") == picked.torch_device
    assert picked == device.Device.named(picked.name, picked.dtype, picked.engine)


def test_the_details_name_device_format_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the same for every GPU of a kind; a library that is not installed is named too."""
    have(monkeypatch, gpus=(True, True))
    first, second = (
        device.compute_details(device.pick_device(f"cuda:{index}"), ("torch", "no-such")) for index in (0, 1)
    )
    engine = f"torch {torch.__version__}, no-such not installed"
    assert {"device": "cuda", "dtype": "bfloat16", "engine": engine} == first == second


def test_openvino_computes_on_a_cpu_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` takes it, and torch otherwise; what is asked for by name and cannot be is an error with what to do."""
    have(monkeypatch, gpus=(True,))
    monkeypatch.setattr(device, "find_spec", lambda _name: object())
    engines = [device.pick_device(kind, engine="auto").engine for kind in ("cpu", "cuda")]
    assert ["openvino", "torch"] == engines
    assert "torch" == device.pick_device("cpu", "bfloat16", engine="auto").engine
    with pytest.raises(
        SpecError, match="'openvino' computes in float32, and dtype is 'bfloat16'; use 'auto' or 'torch'"
    ):
        device.pick_device("cpu", "bfloat16", engine="openvino")
    assert ("openvino", "torch") == (
        device.pick_device("cpu", engine="openvino").engine,
        device.pick_device("cpu", engine="torch").engine,
    )
    with pytest.raises(
        SpecError, match="'openvino' computes on a CPU, and the device is 'cuda'; use 'auto' or 'torch'"
    ):
        device.pick_device(engine="openvino")
    monkeypatch.setattr(device, "find_spec", lambda _name: None)
    assert "torch" == device.pick_device("cpu", engine="auto").engine
    with pytest.raises(SpecError, match=r"the engine 'openvino' is not installed: pip install .*; or use 'auto'"):
        device.pick_device("cpu", engine="openvino")
    with pytest.raises(SpecError, match="unknown engine 'vllm'; known: auto, openvino, torch"):
        device.pick_device("cpu", engine="vllm")


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
