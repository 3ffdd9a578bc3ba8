"""Our verdict beside MLflow's `compare_evaluations` and Holm over paired t-tests, on the same scores.

    python verdicts.py [--draws N]

One table is of real texts: six ways to cut a summary out of a text, scored by ROUGE-L on the sample data. The other one counts
false claims, and true ones, over many tables of scores whose truth is known. MLflow runs in an
environment of its own, if `scripts/tools.py` installed it. Without it, and in the second table, its test is computed by scipy's
`wilcoxon`: an evaluation in MLflow takes seconds. Prints a line of JSON with the tables.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import peers
from scipy.stats import ttest_rel, wilcoxon
from simulated_scores import UNIT, rouge

from llmops_sdk.verdict.statistics.comparison import compare
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.statistics.recipes import holm

HERE = Path(__file__).parent
RECORDS, CANDIDATES = 50, 6
LEVEL = 0.05
SMALLEST = 0.0001
"""The smallest p value that is printed."""

SUMMARIES: Mapping[str, Callable[[list[str], list[str]], str]] = {
    "first sentence": lambda sentences, _: sentences[0],
    "first two sentences": lambda sentences, _: " ".join(sentences[:2]),
    "first and last sentence": lambda sentences, _: " ".join(dict.fromkeys((sentences[0], sentences[-1]))),
    "longest sentence": lambda sentences, _: max(sentences, key=len),
    "first 40 words": lambda _, words: " ".join(words[:40]),
    "last 40 words": lambda _, words: " ".join(words[-40:]),
}
"""How each candidate makes a summary from the sentences and words of a text."""

MLFLOW = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    "MLFLOW_GENAI_EVAL_MAX_WORKERS": "1",
}
"""MLflow's settings: with more workers than connections to its database, it leaves out records."""

Claims = Callable[[Any], set[int]]
"""The candidates that a method calls worse than the best; an array of scores, shape (candidates, records)."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Compare verdicts on the same scores.")
    parser.add_argument("--draws", type=int, default=1000, help="tables of scores of the second table")
    options = parser.parse_args()
    text = "\n".join([_real_table(), "", _simulated_table(options.draws)])
    print(json.dumps({"text": text}))


def _real_table() -> str:
    scores, verdict = _scores()
    names = sorted(scores, key=lambda name: -float(np.mean(scores[name])))
    best = names[0]
    mlflow = _mlflow(scores, best)
    wilcoxons = {name: float(wilcoxon(scores[name], scores[best]).pvalue) for name in names[1:]}
    theirs = {name: result["p"] for name, result in mlflow["results"].items()} if mlflow else wilcoxons
    pairs = [ttest_rel(scores[first], scores[second]).pvalue for first, second in combinations(names, 2)]
    of_all = holm(pairs)[: len(names) - 1]
    of_best = holm(pairs[: len(names) - 1])
    heads = ["way to cut a summary", "mean ROUGE-L", f"difference from {best!r}", "our verdict"]
    heads += ["MLflow: p" if mlflow else "MLflow's test: p", "claim"]
    heads += ["Holm, against the best: p", "claim", "Holm, all pairs: p", "claim"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name, p_best, p_all in zip(names[1:], of_best, of_all, strict=True):
        cells = [name, f"{np.mean(scores[name]):.3f}", f"{np.mean(scores[name] - scores[best]):+.3f}", verdict(name)]
        for p_value in (theirs[name], p_best, p_all):
            cells += [
                f"{p_value:.4f}" if p_value >= SMALLEST else f"< {SMALLEST}",
                "worse" if p_value <= LEVEL else "none",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    version = f", MLflow {mlflow['version']}" if mlflow else ""
    return "\n".join([f"{RECORDS} texts of the sample data; the best mean is that of {best!r}{version}.", "", *lines])


def _scores() -> tuple[dict[str, Any], Callable[[str], str]]:
    """Return the scores of each candidate, from a run with recorded answers, and what its verdict states of each."""
    from llmops_sdk import Pipeline, Progress

    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline.builder("verdicts").with_dataset(
            "sample", category="summarization", test_fraction=1.0, max_test_records=RECORDS
        )
        pipeline = pipeline.with_prompt("plain").with_evaluator("summarization-accuracy", metrics=["rougeL"])
        for name, summary in SUMMARIES.items():
            path = Path(folder) / f"{name}.csv"
            _write_answers(path, summary)
            pipeline = pipeline.with_model("recorded", name=name.replace(" ", "-"), path=path)
        result = pipeline.run(store=Path(folder) / "runs", progress=Progress())
        (board,) = result.leaderboards
        scores = {
            cell.candidate.replace("-", " "): np.array(
                [sample.scores["rougeL"] for sample in result.run.samples(cell.cell)]
            )
            for cell in board.cells
        }
        worse = {name.replace("-", " ") for name in board.verdict.worse}
    return scores, lambda name: "worse" if name in worse else "cannot be told apart"


def _write_answers(path: Path, summary: Callable[[list[str], list[str]], str]) -> None:
    from importlib.resources import files

    data = files("llmops_plugins.datasets") / "data" / "sample.jsonl"
    records = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("prompt", "answer"))
        for record in records:
            text = " ".join(record["context"].split())
            if record["category"] == "summarization" and text:
                sentences = [f"{part}." for part in text.rstrip(".").split(". ")]
                table.writerow((f"{record['instruction']}\n\n{record['context']}", summary(sentences, text.split())))


def _mlflow(scores: Mapping[str, Any], best: str) -> dict[str, Any] | None:
    """Return MLflow's comparisons with the best, or None without MLflow."""
    python = peers.python("mlflow")
    probe = "from mlflow.genai import compare_evaluations"
    if not python.exists() or subprocess.run([str(python), "-c", probe], capture_output=True, check=False).returncode:
        print("there is no MLflow with `compare_evaluations`, which came with 3.18: left out", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.json"
        path.write_text(json.dumps({"best": best, "scores": {name: list(each) for name, each in scores.items()}}))
        command = [str(python), str(HERE / "baseline_verdicts.py"), str(path)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **MLFLOW}
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _simulated_table(draws: int) -> str:
    methods: Mapping[str, Claims] = {
        "our verdict": lambda values: set(compare(Scores.of(values), bounds=UNIT, flips=999).worse),
        "MLflow's test, each against the best": _uncorrected,
        "paired t-tests against the best, Holm": _holm_best,
        "paired t-tests of all pairs, Holm": _holm_all,
    }
    counts = {name: [0, 0] for name in methods}
    for place in range(draws):
        rng = np.random.default_rng([place, 4])
        equal = rouge(rng, CANDIDATES, RECORDS)
        better = rng.normal(0, 1, RECORDS) + rng.normal(0, 1, (CANDIDATES, RECORDS))
        better[0] += 0.5 * np.sqrt(2)
        for name, claims in methods.items():
            counts[name][0] += bool(claims(equal))
            counts[name][1] += len(claims(better) - {0}) if better.mean(axis=1).argmax() == 0 else 0
    lines = [
        f"{draws:,} tables of {CANDIDATES} candidates and {RECORDS} records:",
        "",
        "| method | equal candidates: some called worse | one better by .5 SD: others called worse |",
        "|---|---:|---:|",
        *(
            f"| {name} | {100 * false / draws:.1f} % | {100 * true / draws / (CANDIDATES - 1):.0f} % |"
            for name, (false, true) in counts.items()
        ),
    ]
    return "\n".join(lines)


def _uncorrected(values: Any) -> set[int]:
    best = int(values.mean(axis=1).argmax())
    return {
        place for place in range(len(values)) if place != best and wilcoxon(values[place], values[best]).pvalue <= LEVEL
    }


def _holm_best(values: Any) -> set[int]:
    best = int(values.mean(axis=1).argmax())
    others = [place for place in range(len(values)) if place != best]
    adjusted = holm([ttest_rel(values[place], values[best]).pvalue for place in others])
    return {place for place, p_value in zip(others, adjusted, strict=True) if p_value <= LEVEL}


def _holm_all(values: Any) -> set[int]:
    best = int(values.mean(axis=1).argmax())
    couples = list(combinations(range(len(values)), 2))
    adjusted = holm([ttest_rel(values[first], values[second]).pvalue for first, second in couples])
    return {
        next(iter({first, second} - {best}))
        for (first, second), p_value in zip(couples, adjusted, strict=True)
        if best in (first, second) and p_value <= LEVEL
    }


if __name__ == "__main__":
    main()
