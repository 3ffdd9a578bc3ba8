"""A hundred thousand records stream through every step: memory does not grow with their number."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from llmops_sdk.testing import InstantEndpoint

_PROGRAM = """
    import resource
    import sys
    import llmops_sdk.testing
    from llmops_sdk import Pipeline
    from llmops_sdk.progress import Progress
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    count = int(sys.argv[3])
    result = (
        Pipeline.builder("many")
        .with_dataset("lines", records=count + 10, test_fraction=count / (count + 10))
        .with_prompt("bare")
        .with_model("echo", fine_tune=False, deployer={"url": sys.argv[2], "concurrency": 8})
        .with_evaluator("echo-score")
        .run(store=sys.argv[1], registry=registry, progress=Progress())
    )
    (cell,) = result.leaderboards[0].cells
    assert cell.answered == cell.records == cell.estimates["exact"].records == count, cell
    assert sum(1 for _ in result.run.samples(cell.cell)) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_memory(folder: Path, url: str, records: int) -> float:
    """Run `records` test records through all steps in a process of its own; its peak in MB."""
    command = [sys.executable, "-c", textwrap.dedent(_PROGRAM), str(folder / str(records)), url, str(records)]
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scale = 1024 if sys.platform == "linux" else 1024 * 1024
    return int(done.stdout) / scale


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_is_flat(tmp_path: Path) -> None:
    """From 5,000 to 100,000 records the peak grows by less than 60 MB: some bytes a record, not the records."""
    endpoint = InstantEndpoint()
    try:
        few = peak_memory(tmp_path, endpoint.url, 5_000)
        many = peak_memory(tmp_path, endpoint.url, 100_000)
    finally:
        endpoint.close()

    assert many - few < 60
