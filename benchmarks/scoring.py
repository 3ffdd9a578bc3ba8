"""Scoring of summaries against FMEval's own `SummarizationAccuracy.evaluate`, as whole processes.

    python scoring.py [--repeats 3] [--sizes 20,100,500] [--matrix 4x500] [--matrix-repeats 1] [--many 10000]

Both sides score the same texts with METEOR, ROUGE and BERTScore, using the same encoder (MiniLM); the SDK computes three kinds of
ROUGE, FMEval one. Processes start cold, one after another, alternating between FMEval and the SDK. CPU-seconds are those of a
process and everything it starts. FMEval scores a matrix in the two ways it offers: one process for each candidate, and all
candidates in one call; the SDK scores it before, between and after them. The scores of all records are compared, for every
candidate and both ways. An empty `--sizes`, `--matrix` or `--many` skips that part. Prints one line of JSON.

The texts are passages of 60 words, from the data in LLMOPS_TEST_DATA if it is set, else from the SDK's sample data; the outputs
are the same texts with words changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil

from llmops_plugins.fmeval.interpreter import ENVIRONMENT, chosen_interpreter
from llmops_sdk.plugin import environment_python

HERE = Path(__file__).parent
WORDS = 60
METRICS = "rougeL,meteor,rouge1,rouge2,bertscore"
# FMEval's names -> ours; its ROUGE is of the second kind.
SAME = {"meteor": "meteor", "rouge": "rouge2", "bertscore": "bertscore"}
Measured = dict[str, float]
Result = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", default="20,100,500")
    parser.add_argument("--matrix", default="4x500")
    parser.add_argument("--matrix-repeats", type=int, default=1)
    parser.add_argument("--many", default="10000")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as box:
        bench = Bench(Path(box))
        results: Result = {
            "sizes": {size: bench.compare(1, int(size), asked.repeats) for size in asked.sizes.split(",") if size}
        }
        if asked.matrix:
            candidates, records = map(int, asked.matrix.split("x"))
            results["matrix"] = {asked.matrix: bench.compare(candidates, records, asked.matrix_repeats)}
        if asked.many:
            results["many"] = {
                str(size): bench.many(size, asked.repeats) for size in (int(asked.many) // 10, int(asked.many))
            }
    print(json.dumps(results))


class Bench:
    """Runs both sides on texts in a folder."""

    def __init__(self, box: Path) -> None:
        self._box = box
        self._passages = list(passages())
        self._assets = [str(_asset(name)) for name in ("minilm", "wordnet", "punkt-tab")]
        self._fmeval_python = chosen_interpreter("") or str(environment_python(_asset(ENVIRONMENT)))
        self._runs = 0

    def compare(self, candidates: int, records: int, repeats: int) -> Result:
        """Return the runs of both sides, in the order they were made, and the largest difference of each score."""
        rows = [self._rows(records, candidate) for candidate in range(candidates)]
        runs: dict[str, list[Measured]] = {}
        differences = dict.fromkeys(SAME, 0.0)

        def take_own() -> Path:
            folder, measured = self._own(METRICS, rows)
            runs.setdefault("own", []).append(measured)
            return folder

        for _ in range(repeats):
            own_folder = take_own()
            each = [self._fmeval([one]) for one in rows]
            together = {key: sum(run[key] for _, run in each) for key in ("wall", "cpu")}
            runs.setdefault("fmeval", []).append({**together, "peak": max(run["peak"] for _, run in each)})
            scored = [[path for paths, _ in each for path in paths]]
            if candidates > 1:
                take_own()
                paths, measured = self._fmeval(rows)
                runs.setdefault("fmeval_one_call", []).append(measured)
                scored.append(paths)
                take_own()
            for records_of in scored:
                for number, (asked, records_path) in enumerate(zip(rows, records_of, strict=True)):
                    for name, value in differ(own_folder / f"scores-{number}.jsonl", asked, records_path).items():
                        differences[name] = max(differences[name], value)
        return {**runs, "differences": differences}

    def many(self, records: int, repeats: int) -> list[Measured]:
        """Return wall seconds, CPU-seconds and peak bytes of ROUGE and METEOR alone, of each run."""
        rows = [self._rows(records, 0)]
        return [self._own("rougeL,meteor,rouge1,rouge2", rows)[1] for _ in range(repeats)]

    def _own(self, metrics: str, rows: list[Path]) -> tuple[Path, Measured]:
        folder = self._folder()
        command = [sys.executable, str(HERE / "own_scoring.py"), metrics, str(folder), *map(str, rows)]
        return folder, measure(command, folder)

    def _fmeval(self, rows: list[Path]) -> tuple[list[Path], Measured]:
        folder = self._folder()
        script = str(HERE / "baseline_scoring.py")
        measured = measure([self._fmeval_python, script, *self._assets, str(folder), *map(str, rows)], folder)
        output = json.loads((folder / "out.txt").read_text(encoding="utf-8").strip().splitlines()[-1])
        return list(map(Path, output["records"])), measured

    def _folder(self) -> Path:
        self._runs += 1
        folder = self._box / str(self._runs)
        folder.mkdir()
        return folder

    def _rows(self, records: int, candidate: int) -> Path:
        """Write the texts of one candidate; all candidates have the same references."""
        path = self._box / f"rows-{records}-{candidate}.jsonl"
        pick, same = random.Random(candidate), random.Random(records)  # noqa: S311 - no secrets
        with path.open("w", encoding="utf-8") as out:
            for number in range(records):
                reference = self._passages[number % len(self._passages)]
                if number >= len(self._passages):  # no text twice
                    reference = changed(reference, same.choice(self._passages), same)
                other = self._passages[(number + 1 + candidate) % len(self._passages)]
                row = {
                    "instruction": f"Summarize {number}.",
                    "summary": reference,
                    "model_output": changed(reference, other, pick),
                }
                out.write(json.dumps(row) + "\n")
        return path


def passages() -> Iterator[str]:
    """Yield distinct passages of the data, always in the same order."""
    root = os.environ.get("LLMOPS_TEST_DATA")
    path = Path(root, "dolly", "dolly_mix_390.jsonl") if root else None
    data = path if path is not None and path.exists() else files("llmops_plugins.datasets") / "data" / "sample.jsonl"
    records = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    texts = [record[field].split() for record in records for field in ("response", "context")]
    cut = (text[start : start + WORDS] for text in texts for start in range(0, len(text) - WORDS * 3 // 4, WORDS))
    pieces = list(dict.fromkeys(" ".join(words) for words in cut))
    random.Random(1).shuffle(pieces)  # noqa: S311 - no secret
    yield from pieces


def changed(text: str, other: str, pick: random.Random) -> str:
    """Return a text as another author might have written it: words left out, exchanged and moved."""
    theirs = other.split()
    words = [pick.choice(theirs) if pick.random() < 0.09 else word for word in text.split() if pick.random() > 0.12]  # noqa: PLR2004
    cut = pick.randrange(len(words) or 1)
    return " ".join(words[cut:] + words[:cut])


def differ(scores: Path, rows: Path, records: Path) -> dict[str, float]:
    """Return the largest difference of each score; FMEval shuffles, so records are found by their texts."""
    ours = {}
    for row_line, score_line in zip(
        *(path.read_text(encoding="utf-8").splitlines() for path in (rows, scores)), strict=True
    ):
        row = json.loads(row_line)
        ours[row["summary"], row["model_output"]] = json.loads(score_line)
    theirs = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    if len(theirs) != len(ours):
        raise SystemExit(f"FMEval scored {len(theirs)} of {len(ours)} records")
    differences = dict.fromkeys(SAME, 0.0)
    for record in theirs:
        own = ours[record["target_output"], record["model_output"]]
        for score in record["scores"]:
            differences[score["name"]] = max(differences[score["name"]], abs(score["value"] - own[SAME[score["name"]]]))
    return differences


def measure(command: list[str], folder: Path) -> Measured:
    """Run a command; return its wall seconds, the CPU-seconds of all its processes, and the first one's peak bytes.

    Processes are sampled twenty times a second, and none is left running at the end.
    """
    start = time.perf_counter()
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    with (folder / "out.txt").open("wb") as out, (folder / "log.txt").open("wb") as log:
        child = subprocess.Popen(command, stdout=out, stderr=log, env=environment)
    first = psutil.Process(child.pid)
    seconds: dict[psutil.Process, float] = {}
    while True:
        for process in _family(first, seconds):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            seconds[process] = times.user + times.system
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.05)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    for process in seconds:
        try:
            process.kill()  # what it left running; psutil identifies a process by its start time as well as by its number
        except psutil.Error:
            continue
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log.txt').read_text(errors='replace')[-3000:]}")
    cpu = max(sum(seconds.values()), usage.ru_utime + usage.ru_stime)
    return {"wall": wall, "cpu": cpu, "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)}


def _family(first: psutil.Process, known: dict[psutil.Process, float]) -> set[psutil.Process]:
    """Return a process, its descendants, and the processes seen before, whose parents may be gone."""
    try:
        return {first, *first.children(recursive=True), *known}
    except psutil.Error:
        return set(known)


def _asset(name: str) -> Path:
    from llmops_sdk import Progress
    from llmops_sdk.plugin import Runtime, default_home
    from llmops_sdk.plugin.registry import Registry

    return Runtime(Registry.load(), default_home(), progress=Progress()).asset(name)


if __name__ == "__main__":
    main()
