"""The GPUs that torch sees: `python -m llmops_plugins.local.gpus` prints them as JSON, and leaves no memory in use on them."""

from __future__ import annotations

import json
import sys

import attrs
import torch


@attrs.frozen
class Gpus:
    """What torch sees.

    Attributes:
        cuda: For each CUDA device, whether it computes in bfloat16.
        apple: Whether there is an Apple GPU.
    """

    cuda: tuple[bool, ...] = ()
    apple: bool = False


def find_gpus() -> Gpus:
    """Return the GPUs that this process may use."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Gpus(tuple(map(_has_bfloat16, range(count))), bool(torch.backends.mps.is_available()))


def _has_bfloat16(index: int) -> bool:
    with torch.cuda.device(index):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(attrs.asdict(find_gpus())) + "\n")
