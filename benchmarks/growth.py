"""How time grows with candidates and records: a plan of many candidates, and a run whose records are all cached.

    python growth.py [CANDIDATES] [RECORDS]

The plan is `llmops plan` of fine-tuned candidates on the sample data. The run asks an endpoint that answers at once, and is
then repeated in the same store: nothing is asked or scored, and the whole record and report are written again. Each is a
process of its own, measured from its start to its end. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Measure both."""
    if sys.argv[1:2] == ["--run"]:
        _run(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
        return
    sizes = [int(number) for number in sys.argv[1:]]
    candidates, records = (*sizes, *(50, 100_000)[len(sizes) :])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        specification = folder / "pipeline.yaml"
        specification.write_text(json.dumps(_specification(candidates)), encoding="utf-8")
        plan = _measure([sys.executable, "-m", "llmops_sdk.cli.main", "plan", str(specification)], folder)
        endpoint = subprocess.Popen(
            [sys.executable, "-c", _ENDPOINT], stdout=subprocess.PIPE, text=True, stdin=subprocess.PIPE
        )
        try:
            url = endpoint.stdout.readline().strip() if endpoint.stdout else ""
            again = [sys.executable, __file__, "--run", url, str(records), str(folder)]
            first, cached = (_measure(again, folder) for _ in range(2))
        finally:
            endpoint.kill()
    print(json.dumps({"plan": plan, "first": first, "cached": cached, "candidates": candidates, "records": records}))


_ENDPOINT = """
import sys
from llmops_sdk.testing import InstantEndpoint
print(InstantEndpoint().url, flush=True)
sys.stdin.read()
"""


def _specification(candidates: int) -> dict[str, object]:
    return {
        "datasets": [{"use": "sample", "category": "summarization", "test_fraction": 0.2, "seed": 42}],
        "prompts": ["chat"],
        "models": [
            {"use": "smollm2", "name": f"tuned-{number}", "trainer": {"max_steps": 10 + number}}
            for number in range(candidates)
        ],
        "evaluators": ["summarization-accuracy"],
    }


def _measure(command: list[str], folder: Path) -> dict[str, float]:
    """Return seconds, CPU-seconds and peak megabytes of a process."""
    start, environment = time.perf_counter(), {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": time.perf_counter() - start, "cpu": cpu, "peak": usage.ru_maxrss * 1024}


def _run(url: str, records: int, folder: Path) -> None:
    """Run the pipeline, or repeat it."""
    from recording import ask_all

    answered = ask_all(url, records, folder)
    if answered != records:
        raise SystemExit(f"{answered} of {records} were answered")


if __name__ == "__main__":
    main()
