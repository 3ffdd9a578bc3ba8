"""The memory of this machine and its GPUs: what is free, and how much there is."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device | None = None) -> float:
    """Return the bytes available to a new allocation: on a GPU, or in this machine's memory.

    File caches count as free, and a container's limit is respected. If the system does not report its free memory, this
    is half of its total memory.
    """
    if device is not None and device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return min(_machine_memory(), _container_memory())


def total_memory() -> float:
    """Return the bytes that this machine has, or that its container may use: the same in every process."""
    try:
        total = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError):
        total = math.inf
    try:
        limit = (_GROUP / "memory.max").read_text().strip()
    except OSError:
        return total
    return total if limit == "max" else min(total, float(limit))


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
