"""OpenVINO's package and its runtime, as a process of the user's may have them: reporting nothing, and safe with signals."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

_REPORTER = "openvino_telemetry"


def load_openvino() -> Any:
    """Return the package `openvino`, imported without its telemetry.

    Importing it sends an event to its makers through the package `openvino_telemetry`, which it installs and does without
    where that is missing.
    """
    if "openvino" in sys.modules or _REPORTER in sys.modules:
        import openvino

        return openvino
    sys.modules[_REPORTER] = None  # type: ignore[assignment] # Python's way to make an import fail
    try:
        import openvino
    finally:
        del sys.modules[_REPORTER]
    return openvino


@cache
def runtime() -> Any:
    """Return OpenVINO's runtime, one for the process: it gives the main thread a stack for signals, and frees it with itself.

    If its last user is deleted by another thread, the main thread keeps the freed stack, and dies of the next signal.
    """
    return load_openvino().Core()
