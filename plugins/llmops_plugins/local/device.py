"""The device this machine computes on and its number format, detected and timed, never assumed."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import attrs

from llmops_sdk.plugin import SpecError

if TYPE_CHECKING:
    import torch

Kind = Literal["cpu", "cuda", "mps"]

DTYPES = ("auto", "float32", "bfloat16")

# A CPU without native bfloat16 emulates it, several times slower than float32; with it, bfloat16 is several times
# faster. A small difference is noise and not worth the lower precision.
_CLEAR_WIN = 1.3
_PROBE_SHAPE = (512, 576, 1536)
_PROBE_REPEATS = 4


@attrs.frozen
class Device:
    """A device and the number format that heavy matrix products should use on it.

    Attributes:
        kind: `cuda`, `mps` or `cpu`.
        index: Of a CUDA device, `0`, `1`, ...; empty for others.
        dtype: `float32` or `bfloat16`.
        probe: On a CPU with `dtype` `auto`: the seconds of one 512 x 576 x 1536 product in each format; else empty.
    """

    kind: Kind
    index: str = ""
    dtype: str = "float32"
    probe: Mapping[str, float] = attrs.field(factory=dict)

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


def pick_device(device: str = "auto", dtype: str = "auto") -> Device:
    """Choose the device and its number format.

    Args:
        device: `auto` (a GPU if there is one, else the CPU), `cpu`, `cuda`, `cuda:1` or `mps`.
        dtype: `auto`, `float32` or `bfloat16`. `auto` is bfloat16 on GPUs that support it, and on CPUs if a timed
            product (under 0.2 s) is clearly faster in it; else float32.

    Raises:
        SpecError: The device or the format is unknown, or this machine lacks the device.
    """
    if dtype not in DTYPES:
        message = f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}"
        raise SpecError(message)
    kind, index = _resolve_device(device)
    if dtype != "auto":
        return Device(kind, index, dtype)
    if kind == "cuda":
        return Device(kind, index, "bfloat16" if _has_bfloat16(int(index)) else "float32")
    if kind == "mps":
        return Device(kind, index, "float32")
    probe = probe_cpu()
    faster = probe["float32"] > _CLEAR_WIN * probe["bfloat16"]
    return Device("cpu", "", "bfloat16" if faster else "float32", probe)


def probe_cpu() -> dict[str, float]:
    """Time one linear layer (512 rows, 576 to 1536) in float32 and bfloat16: best of a few, in seconds."""
    import torch

    rows, inner, outer = _PROBE_SHAPE
    best = {}
    with torch.inference_mode():
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            x, weight = torch.ones(rows, inner, dtype=dtype), torch.ones(outer, inner, dtype=dtype)
            best[name] = math.inf
            for _ in range(_PROBE_REPEATS):
                start = time.perf_counter()
                torch.nn.functional.linear(x, weight)
                best[name] = min(best[name], time.perf_counter() - start)
                if best[name] > 2 * best["float32"]:
                    break  # emulated, and slow: no need to repeat
    return best


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


def _resolve_device(device: str) -> tuple[Kind, str]:
    """Return kind and index of a device."""
    import torch

    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (index and (kind != "cuda" or not index.isdecimal())):
        message = f"unknown device {device!r}; use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        raise SpecError(message)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if gpus else "mps" if apple else "cpu"
    if kind == "cuda" and int(index or 0) >= gpus:
        message = f"this machine has no device {device!r}: torch sees {gpus} CUDA devices; use 'auto' or 'cpu'"
        raise SpecError(message)
    if kind == "mps" and not apple:
        message = "this machine has no device 'mps': torch sees no Apple GPU; use 'auto' or 'cpu'"
        raise SpecError(message)
    return cast("Kind", kind), (index or "0") if kind == "cuda" else ""


def _has_bfloat16(index: int) -> bool:
    import torch

    with torch.cuda.device(index):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _container_quota(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Return the cores that the control group allows (Linux, version 2), or None if it sets no limit."""
    try:
        quota, period = limit.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
