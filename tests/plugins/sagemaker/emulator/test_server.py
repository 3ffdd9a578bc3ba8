"""The process with the emulated account."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import attrs
import httpx
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.emulator.choices import EmulatorChoices


def test_the_emulator_ends_with_its_client(tmp_path: Path) -> None:
    """Nothing listens any more, and the folder is removed."""
    folder = tmp_path / "emulator"
    folder.mkdir()
    choices = EmulatorChoices(
        folder=str(folder), python="python", region="eu-west-1", bucket="bucket-eu", role="arn:aws:iam::123456789012:role/r", steps_at_a_time=1,
        install=False, substitute="smollm2", substitute_options={}, substitute_steps=1, jumpstart={},
    )  # fmt: skip
    code = (
        "import sys, attrs, json, subprocess\n"
        "child = subprocess.Popen([sys.executable, '-m', 'llmops_plugins.sagemaker.emulator.server', sys.argv[1]],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"  # and ends without closing it
    )
    arguments = [sys.executable, "-c", code, json.dumps(attrs.asdict(choices))]
    url = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)["url"]

    def is_listening() -> bool:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            return False
        return True

    until = time.monotonic() + 60
    while (is_listening() or folder.exists()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_listening()
    assert not folder.exists()
