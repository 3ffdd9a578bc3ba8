"""The device, number format and engine that this machine computes with: decided by what it has, never by timing.

Every process of a machine decides the same, so all candidates of a run are trained and asked alike, and the decision
is part of the key of trainings and generations.
"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import attrs

from llmops_plugins.local.names import EXTRA
from llmops_sdk.plugin import SpecError, install_hint

if TYPE_CHECKING:
    import torch

Kind = Literal["cpu", "cuda", "mps"]
EngineName = Literal["openvino", "torch"]

DTYPES = ("auto", "float32", "bfloat16")
ENGINES = ("auto", "openvino", "torch")
OPENVINO: EngineName = "openvino"
TORCH: EngineName = "torch"
_LIBRARIES = {OPENVINO: ("openvino", "torch", "transformers"), TORCH: ("torch", "transformers")}
_DEVICES = ("auto", "cpu", "cuda", "mps")

ALL_GPUS = "LLMOPS_ALL_GPUS"
"""The environment variable with the GPUs of the whole run, for a child process that may use only one of them."""

_GPU_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/kfd", "/dev/dxg")
_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset(("amx_bf16", "avx512_bf16"))
_PROBE_SECONDS = 120.0


@attrs.frozen
class Machine:
    """What decides how this machine computes.

    Attributes:
        gpus: For each GPU that the run may use and torch sees, whether it computes in bfloat16.
        apple: Whether torch sees an Apple GPU.
        cpu_bfloat16: Whether the CPU has instructions for bfloat16 (AMX or AVX-512 BF16); others emulate it, slowly.
    """

    gpus: tuple[bool, ...] = ()
    apple: bool = False
    cpu_bfloat16: bool = False


@attrs.frozen
class Device:
    """A device, and how to compute on it.

    Attributes:
        kind: `cuda`, `mps` or `cpu`.
        index: Of a CUDA device, `0`, `1`, ...; empty for others.
        dtype: The number format of heavy matrix products: `float32` or `bfloat16`.
        engine: What computes a model that is asked: `openvino`, where it takes the model, or `torch`.
    """

    kind: Kind
    index: str = ""
    dtype: str = "float32"
    engine: EngineName = TORCH

    @classmethod
    def named(cls, name: str, dtype: str, engine: str) -> Device:
        """Return the device that another process has chosen, by its name."""
        kind, _, index = name.partition(":")
        return cls(cast("Kind", kind), index, dtype, cast("EngineName", engine))

    @property
    def name(self) -> str:
        """The device as torch names it: `cpu`, `cuda:0`, `mps`."""
        return f"{self.kind}:{self.index}" if self.index else self.kind

    @property
    def torch_device(self) -> torch.device:
        """The device as a torch value."""
        import torch

        return torch.device(self.name)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The number format as a torch value."""
        import torch

        return cast("torch.dtype", getattr(torch, self.dtype))

    @property
    def metadata(self) -> dict[str, str]:
        """What to record about it, as text."""
        return {"device": self.name, "dtype": self.dtype}


def pick_device(device: str = "auto", dtype: str = "auto", engine: str = TORCH) -> Device:
    """Choose the device and how to compute on it, from what this machine has.

    Args:
        device: `auto` (a GPU if there is one, else the CPU), `cpu`, `cuda`, `cuda:1` or `mps`.
        dtype: `auto`, `float32` or `bfloat16`. `auto` is bfloat16 if every GPU of the run computes in it, and for torch on
            a CPU with instructions for it (AMX or AVX-512 BF16); else float32.
        engine: `auto` (OpenVINO on a CPU if it is installed, else torch), `openvino` or `torch`. OpenVINO computes in
            float32; its bfloat16 has not been tried.

    Raises:
        SpecError: One of them is unknown, or this machine lacks it.
    """
    for name, value, known in (("dtype", dtype, DTYPES), ("engine", engine, ENGINES)):
        if value not in known:
            message = f"unknown {name} {value!r}; known: {', '.join(known)}"
            raise SpecError(message)
    kind, index = _parse_device(device)
    # Only a device that may be a GPU needs torch to look, which takes seconds.
    machine = this_machine() if kind != "cpu" else _cpu()
    if kind == "auto":
        kind = "cuda" if machine.gpus else "mps" if machine.apple else "cpu"
    usable = min(len(machine.gpus), 1) if ALL_GPUS in os.environ else len(machine.gpus)
    if kind == "cuda" and int(index or 0) >= usable:
        message = f"this machine has no device {device!r}: torch sees {usable} CUDA devices; use 'auto' or 'cpu'"
        raise SpecError(message)
    if kind == "mps" and not machine.apple:
        message = "this machine has no device 'mps': torch sees no Apple GPU; use 'auto' or 'cpu'"
        raise SpecError(message)
    computes = _pick_engine(engine, kind, dtype)
    if dtype == "auto":
        native = {"cuda": all(machine.gpus), "mps": False, "cpu": machine.cpu_bfloat16}[kind]
        dtype = "bfloat16" if native and computes == TORCH else "float32"
    return Device(cast("Kind", kind), (index or "0") if kind == "cuda" else "", dtype, computes)


def _pick_engine(engine: str, kind: str, dtype: str) -> EngineName:
    installed = find_spec(OPENVINO) is not None
    if engine == OPENVINO:
        problem = ""
        if kind != "cpu":
            problem = f"computes on a CPU, and the device is {kind!r}; use 'auto' or 'torch'"
        elif not installed:
            problem = f"is not installed: {install_hint(EXTRA)}; or use 'auto'"
        elif dtype == "bfloat16":
            problem = "computes in float32, and dtype is 'bfloat16'; use 'auto' or 'torch', or leave dtype out"
        if problem:
            message = f"the engine 'openvino' {problem}"
            raise SpecError(message)
    takes = kind == "cpu" and installed and dtype != "bfloat16"
    return OPENVINO if engine != TORCH and takes else TORCH


def compute_details(device: Device, libraries: Sequence[str] = ()) -> dict[str, str]:
    """Return what a result depends on beyond weights and options: the kind of device, the format, the libraries.

    The same on every machine that computes alike; which of several GPUs it is does not matter.

    Args:
        device: How it is computed.
        libraries: Those that compute; by default those of the device's engine.
    """
    engine = ", ".join(f"{name} {_version(name)}" for name in libraries or _LIBRARIES[device.engine])
    return {"device": device.kind, "dtype": device.dtype, "engine": engine}


@functools.cache
def this_machine() -> Machine:
    """Return what this machine has. Where there may be a GPU, torch looks for it."""
    cpu = _cpu()
    if not may_have_gpu():
        return cpu
    gpus, apple = _find_gpus()
    return attrs.evolve(cpu, gpus=gpus, apple=apple)


def may_have_gpu() -> bool:
    """Return whether this machine may have a GPU, by its device nodes; loads no library."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return apple or any(Path(node).exists() for node in _GPU_NODES)


def child_environment() -> dict[str, str]:
    """Return the environment variables that a child process needs before it loads torch.

    Threads that wait by spinning take cores from each other as soon as two processes compute on one machine, and the
    OpenMP runtime reads how to wait only when it is loaded. Variables that the user has set are left alone.
    """
    variables = {"OMP_WAIT_POLICY": "passive", "HF_HUB_DISABLE_TELEMETRY": "1"}
    cores = usable_cores()
    if cores < (os.cpu_count() or 1):
        variables["OMP_NUM_THREADS"] = str(cores)
    return {name: value for name, value in variables.items() if name not in os.environ}


def usable_cores() -> int:
    """Return the number of cores this process may use, given its affinity and its container's quota."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = _container_quota()
    return max(1, min(cores, math.ceil(quota))) if quota else cores


def _find_gpus() -> tuple[tuple[bool, ...], bool]:
    """Look with torch: here if it is loaded, else in a process of its own, which leaves no memory in use on a GPU.

    That process sees all GPUs of the run, also if this one may use only one of them.
    """
    all_gpus = os.environ.get(ALL_GPUS)
    if "torch" in sys.modules and not all_gpus:
        from llmops_plugins.local.gpus import find_gpus

        gpus = find_gpus()
        return gpus.cuda, gpus.apple
    environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": all_gpus} if all_gpus else {}), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "llmops_plugins.local.gpus"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=_PROBE_SECONDS)  # noqa: S603 - the user's interpreter and a module of this package
        printed = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return (), False  # without a working torch there is no GPU to use
    return tuple(printed["cuda"]), bool(printed["apple"])


def _parse_device(device: str) -> tuple[str, str]:
    """Return kind (or `auto`) and index of a device."""
    kind, _, index = device.partition(":")
    if kind not in _DEVICES or (index and (kind != "cuda" or not index.isdecimal())):
        message = f"unknown device {device!r}; use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        raise SpecError(message)
    return kind, index


def _cpu() -> Machine:
    """Return what the CPU has. Without `/proc/cpuinfo` (macOS) it has no bfloat16."""
    try:
        flags = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        flags = ""
    names = {name for line in flags.splitlines() if line.startswith("flags") for name in line.partition(":")[2].split()}
    return Machine(cpu_bfloat16=bool(_BFLOAT16_FLAGS & names))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _container_quota(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Return the cores that the control group allows (Linux, version 2), or None if it sets no limit."""
    try:
        quota, period = limit.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
