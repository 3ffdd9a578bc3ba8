from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("transformers")
if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

IMPORTED = """
import sys
from llmops_plugins.local.engine.openvino.runtime import load_openvino, runtime

assert load_openvino() is load_openvino()
runtime()
assert "openvino_telemetry" not in sys.modules
import openvino_telemetry  # whoever wants it, has it
"""


def test_openvino_reports_nothing() -> None:
    """Importing it on its own loads its telemetry, which sends an event to its makers."""
    ended = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False, timeout=120)
    assert 0 == ended.returncode, ended.stderr


DELETED_IN_A_THREAD = """
import os, signal, sys, threading, time
from pathlib import Path
from llmops_plugins.local.engine.openvino.graph import compile_model
from llmops_plugins.local.weights.loading import load_model

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores Ctrl-C for what it runs in the background
models = [compile_model(load_model(Path(sys.argv[1])))]
deleting = threading.Thread(target=models.clear)
deleting.start()
deleting.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)  # the signal ends it at once
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.slow
def test_a_process_survives_a_signal_after_a_model_was_deleted(tiny_model: Path) -> None:
    """OpenVINO frees the stack on which the main thread handles signals with its runtime, which therefore is kept."""
    command = [sys.executable, "-c", DELETED_IN_A_THREAD, str(tiny_model)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (0, "interrupted\n") == (ended.returncode, ended.stdout), ended.stderr
