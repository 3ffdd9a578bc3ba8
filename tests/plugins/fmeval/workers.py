"""Workers that replace FMEval's, which take no time, and a process that runs a job with one."""

from __future__ import annotations

import time
from collections.abc import Callable

# A worker with a child of its own, like Ray's, and files in Ray's folder.
BUSY = """
import json, os, subprocess, sys, threading, time
from pathlib import Path
def end():
    while os.read(0, 1): pass
    os.killpg(0, 9)
threading.Thread(target=end, daemon=True).start()
folder = Path(sys.argv[1])
(folder / "ray").mkdir()
(folder / "ray" / "session").write_text("x")
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "started").write_text(str(grandchild.pid))
"""
SLEEP = "\ntime.sleep(600)\n"
# A process that runs a job with the script in its first argument, as the SDK would.
PARENT = """
import sys, tempfile
from pathlib import Path
from llmops_plugins.fmeval.job import Job, run, workplace
tempfile.tempdir = sys.argv[2]
with workplace() as folder:
    (folder / "worker.py").write_text(sys.argv[1])
    run(folder, Job(module="m", name="N", columns=(), sample={}), sys.executable)
"""


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition holds; fail after some seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
