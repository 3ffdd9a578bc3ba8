"""The memory of this machine and its GPUs: what is free, and how much there is."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_plugins.local.device import OPENVINO, TORCH, Device
from llmops_plugins.local.weights.loading import count_parameters
from llmops_sdk.plugin import AssetError

if TYPE_CHECKING:
    import torch

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device | None = None) -> float:
    """Return the bytes available to a new allocation: on a GPU, or in this machine's memory.

    File caches count as free, and a container's limit is respected. If the system does not report its free memory, this
    is half of its total memory.
    """
    if device is not None and device.type == "cuda":
        import torch

        return float(torch.cuda.mem_get_info(device)[0])
    return min(_machine_memory(), _container_memory())


def check_memory(folder: Path, device: Device) -> None:
    """Compare what a model takes on the CPU with what is free, before it is loaded.

    Raises:
        AssetError: It takes more; the message names what would fit.
    """
    parameters, free = count_parameters(folder), free_memory()
    needed = parameters * _bytes_per_parameter(device.engine, device.dtype)
    if needed <= free:
        return
    others = [
        f"{engine} with {dtype} ({size / 1e9:.1f} GB)"
        for engine, dtype in ((TORCH, "float32"), (TORCH, "bfloat16"))
        if (size := parameters * _bytes_per_parameter(engine, dtype)) <= free
    ]
    most = free / _bytes_per_parameter(device.engine, device.dtype)
    fits = f"what fits: {' or '.join([*others, f'a model of at most {most / 1e9:.1f} billion parameters'])}"
    message = (
        f"the model in '{folder}' has {parameters / 1e9:.1f} billion parameters: the engine {device.engine} with "
        f"{device.dtype} takes {needed / 1e9:.1f} GB of memory for them, and {free / 1e9:.1f} GB are free; {fits}"
    )
    raise AssetError(message)


def _bytes_per_parameter(engine: str, dtype: str) -> int:
    """Return what the weights take. OpenVINO makes a copy, in its own layout, of weights in float32."""
    size = 2 if dtype == "bfloat16" else 4
    return size + 4 if engine == OPENVINO else size


def _machine_memory() -> float:
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        match = None
    if match:
        return float(match[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    except (ValueError, OSError):
        return math.inf


def _container_memory() -> float:
    """Return what the limit of the control group (version 2) leaves; infinity if it sets none."""
    try:
        limit, used = ((_GROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        cached = re.search(r"^inactive_file (\d+)", (_GROUP / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        return math.inf
    if limit == "max":
        return math.inf
    return max(0.0, float(limit) - float(used) + float(cached[1] if cached else 0))
