"""How much memory is free for the caches of a running model."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device | None = None) -> float:
    """Return the bytes that a new allocation may take: of a GPU's memory, or of this machine's.

    Memory that files are cached in counts as free, and a container's limit is respected. Where the system does not tell
    what is free, it is half of what there is.
    """
    if device is not None and device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return min(_machine(), _container())


def _machine() -> float:
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return float(found[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    except (ValueError, OSError):
        return math.inf


def _container() -> float:
    """Return what a control group (version 2) leaves; infinity where it sets no limit."""
    try:
        limit, used = ((_GROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        cached = re.search(r"^inactive_file (\d+)", (_GROUP / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        return math.inf
    if limit == "max":
        return math.inf
    return max(0.0, float(limit) - float(used) + float(cached[1] if cached else 0))
