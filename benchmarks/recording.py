"""A whole run that asks an endpoint that answers at once, against a script that only asks.

    python recording.py own|script RECORDS

`own` is `Pipeline.run`: 8 requests at a time, every answer in a journal on the disk, retries, deadlines, scores, samples,
statistics and a report. `script` is what a notebook does: a pool of 8 threads, one client of httpx, a line in a file for
each answer; it survives no kill and scores nothing. The endpoint is a process of its own. Prints one line of JSON: seconds,
and the CPU-seconds of the asking process.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

CONCURRENCY = 8


def main() -> None:
    kind, records = sys.argv[1], int(sys.argv[2])
    spawn = multiprocessing.get_context("spawn")
    own_end, other_end = spawn.Pipe()
    endpoint = spawn.Process(target=_serve, args=(other_end,), daemon=True)
    endpoint.start()
    url = own_end.recv()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        ask = ask_all if kind == "own" else _script
        answered = ask(url, records, Path(folder))
        wall = time.perf_counter() - start
    if answered != records:
        raise SystemExit(f"{answered} of {records} were answered")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}))
    endpoint.terminate()


def _serve(ready: Connection) -> None:
    from llmops_sdk.testing import InstantEndpoint

    ready.send(InstantEndpoint().url)
    time.sleep(3600)


def ask_all(url: str, records: int, folder: Path) -> int:
    """Run a pipeline of records, and return how many of them were answered; a second time all of them are cached."""
    import llmops_sdk.testing
    from llmops_sdk import Pipeline, Progress
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    pipeline = Pipeline.builder("recording").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_dataset("lines", records=records + 10, test_fraction=records / (records + 10))
    pipeline = pipeline.with_model("echo", fine_tune=False, deployer={"url": url, "concurrency": CONCURRENCY})
    result = pipeline.run(store=folder / "runs", registry=registry, progress=Progress())
    (cell,) = result.leaderboards[0].cells
    return cell.answered


def _script(url: str, records: int, folder: Path) -> int:
    import httpx

    answered = 0
    with httpx.Client() as client, (folder / "answers.jsonl").open("w") as out, ThreadPoolExecutor(CONCURRENCY) as pool:

        def ask(number: int) -> str:
            body = {"inputs": f"line {number}", "parameters": {"max_new_tokens": 256}}
            text: str = client.post(url, json=body).raise_for_status().json()[0]["generated_text"]
            return text

        for text in pool.map(ask, range(records)):
            out.write(json.dumps({"output": text}) + "\n")
            answered += 1
    return answered


if __name__ == "__main__":
    main()
