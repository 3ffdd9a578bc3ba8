"""The report of many records: how it is written, and how a browser shows it.

    python report_page.py RECORDS CANDIDATES
    python report_page.py --page report.html

Texts are made of the sample data's words, each after one that it follows there, so that they compress as real ones do: a
context of 150 words, a reference of 45, answers of 60. The page is written in a process of its own, from files of samples,
and opened three times in a headless Chromium, from disk. Prints one line of JSON: bytes of the page; seconds and peak
megabytes of its writing; medians of the milliseconds to the first row on the screen and to a complete page, of those that a
search of all texts and sorting take, and of the megabytes of JavaScript's heap after a garbage collection.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.record.lines import read_samples
from llmops_sdk.values.samples import Sample

WORDS = {"instruction": 12, "context": 150, "response": 45, "answer": 60}
REPEATS = 3
_SEARCHED = "zyzzyva"  # in no text: every chunk is read
_FIRST_ROW = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("tr.record")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
_TIMED = """async ([selector, value]) => {
  const start = performance.now();
  const element = document.querySelector(selector);
  if (value === null) element.click();
  else { element.value = value; element.dispatchEvent(new Event("input")); }
  do await new Promise((resolve) => setTimeout(resolve)); while (document.querySelector('.frame[aria-busy="true"]'));
  return performance.now() - start;
}"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("records", type=int, nargs="?", default=10_000)
    parser.add_argument("candidates", type=int, nargs="?", default=3)
    parser.add_argument("--page", type=Path, help="measure a page that exists")
    parser.add_argument(
        "--write", type=Path, help="only write the page of the samples in this folder, and print its cost"
    )
    options = parser.parse_args()
    if options.write:
        print(json.dumps(_write(options.write)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page, written = options.page, {}
        if page is None:
            _make_samples(folder, options.records, options.candidates)
            command = [sys.executable, __file__, "--write", str(folder)]
            written = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            page = folder / "report.html"
        print(json.dumps({"bytes": page.stat().st_size, **written, **_browse(page)}))


def _make_samples(folder: Path, records: int, candidates: int) -> None:
    from llmops_sdk.values.answers import Answer, Answered
    from llmops_sdk.values.prompts import TextPrompt
    from llmops_sdk.values.serial import to_line

    chance = random.Random(0)  # noqa: S311 - texts of a benchmark
    follows = _follows()
    known = list(follows)

    def text(words: int) -> str:
        word = chance.choice(known)
        chain = []
        for _ in range(words):
            chain.append(word)
            word = chance.choice(follows.get(word) or known)
        return " ".join(chain)

    files = [(folder / f"{number}.jsonl").open("wb") for number in range(candidates)]
    for index in range(records):
        record = {name: text(WORDS[name]) for name in ("instruction", "context", "response")}
        prompt = TextPrompt(
            f"Below is an instruction.\n\n### Instruction:\n{record['instruction']}\n\n### Input:\n{record['context']}\n\n### Response:\n"
        )
        for file in files:
            answer = Answer(text(WORDS["answer"]), 220, 80, "stop", latency=chance.lognormvariate(-0.5, 0.4))
            scores = {name: chance.betavariate(2, 5) for name in ("rougeL", "meteor", "bertscore")}
            file.write(to_line(Sample(record, prompt, Answered(index, answer), scores), Sample))
    for file in files:
        file.close()


def _follows() -> dict[str, list[str]]:
    """Return the words of the sample data, each with those that follow it."""
    import llmops_plugins.datasets

    rows = Path(llmops_plugins.datasets.__file__).parent / "data" / "sample.jsonl"
    follows: dict[str, list[str]] = defaultdict(list)
    for line in rows.read_text(encoding="utf-8").splitlines():
        words = " ".join(str(value) for value in json.loads(line).values()).split()
        for word, after in pairwise(words):
            follows[word].append(after)
    return dict(follows)


@attrs.frozen
class _File:
    """The samples of a cell, read from a file each time."""

    path: Path

    def __iter__(self) -> Iterator[Sample]:
        with self.path.open("rb") as lines:
            yield from read_samples(lines, str(self.path))


def _write(folder: Path) -> dict[str, float]:
    from llmops_sdk.report.data import ReportData
    from llmops_sdk.report.render import write_report
    from llmops_sdk.values.estimates import Estimate
    from llmops_sdk.values.results import CellResult, EvaluatorInfo, Leaderboard, Results, Verdict
    from llmops_sdk.values.scores import Metric

    metrics = tuple(Metric(name) for name in ("rougeL", "meteor", "bertscore"))
    paths = sorted(folder.glob("*.jsonl"))
    with paths[0].open("rb") as lines:
        records = sum(1 for _ in lines)
    estimates = {metric.name: Estimate(0.28, 0.27, 0.29, records) for metric in metrics}
    cells = tuple(
        CellResult(f"c{p.stem}@d", f"c{p.stem}", "m", "alpaca", False, records, records, estimates, {}, None, None, {})
        for p in paths
    )
    verdict = Verdict("c0", settled=False, tied=tuple(cell.candidate for cell in cells[1:]), text="a benchmark")
    board = Leaderboard("d", "rougeL", cells, (), (), verdict)
    samples = {cell.cell: _File(path) for cell, path in zip(cells, paths, strict=True)}
    data = ReportData(results=Results("r", "n", (board,), (EvaluatorInfo("e", metrics, {}),)), samples=samples)
    start = time.perf_counter()
    write_report(data, folder / "report.html")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"write_s": time.perf_counter() - start, "write_mb": peak}


def _browse(page: Path) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    figures: dict[str, list[float]] = defaultdict(list)
    with sync_playwright() as playwright:
        for _ in range(REPEATS):
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.set_default_timeout(120_000)
            tab.add_init_script(_FIRST_ROW)
            tab.goto(page.absolute().as_uri())
            tab.locator("tr.record").first.wait_for()
            client = tab.context.new_cdp_session(tab)
            tab.wait_for_timeout(500)
            figures["first_row_ms"].append(tab.evaluate("window.firstRow"))
            timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
            figures["complete_ms"].append(tab.evaluate(timing))
            figures["heap_mb"].append(_heap(client))
            figures["nodes"].append(tab.evaluate("document.querySelectorAll('*').length"))
            figures["sort_ms"].append(tab.evaluate(_TIMED, [".answers [data-key=difference] button", None]))
            figures["search_ms"].append(tab.evaluate(_TIMED, ["input[type=search]", _SEARCHED]))
            figures["clear_ms"].append(tab.evaluate(_TIMED, ["input[type=search]", ""]))
            figures["used_heap_mb"].append(_heap(client))
            browser.close()
    return {name: round(statistics.median(values), 1) for name, values in figures.items()}


def _heap(client: Any) -> float:
    client.send("HeapProfiler.collectGarbage")
    used: int = client.send("Runtime.getHeapUsage")["usedSize"]
    return used / 1e6


if __name__ == "__main__":
    main()
