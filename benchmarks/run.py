"""All benchmarks, side by side in one run: `make bench`, or `python benchmarks/run.py scoring training ...`.

Baselines run with their best settings, in environments of their own (`.venv-bench`, made on first use); llama.cpp is built as for
`make llama-cpp`. What cannot be installed is left out.
Each figure is the median of three runs (`--repeats`), interleaved; a ratio is the median of those of neighbouring runs, with the
lowest and the highest. `--write` replaces the tables of the same name in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import inputs
import peers
import ratios

HERE = Path(__file__).parent
ROOT = HERE.parent
REPEATS = 3
TRAIN_ROWS = 32
GENERATED_ROWS = 16
ENGINE_ROWS = 44
NEW_TOKENS = 64
PAGE = ROOT / "docs" / "benchmarks.md"
Result = dict[str, Any]


def main() -> int:
    """Run the named benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description="Measure side by side with other tools, and print tables.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(_TABLES)}; all by default")
    parser.add_argument("--write", action="store_true", help="also write the tables into docs/benchmarks.md")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each, whose median is printed")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in _TABLES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; known: {', '.join(_TABLES)}")
    for name in options.names or _TABLES:
        repeats = _FIXED.get(name, options.repeats)
        taken = f"medians of {repeats}" if repeats > 1 else "one run"
        table = f"{_TABLES[name](repeats).strip()}\n\n{_machine()}; {taken}."
        print(f"\n{table}", flush=True)
        if options.write:
            _write(table)
    return 0


def _write(table: str) -> None:
    """Write a table into the page, replacing the one with its heading."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- figures -->\n")
    tables_by_heading = {
        part.splitlines()[0]: part.strip()
        for part in re.split(r"^(?=## )", rest, flags=re.MULTILINE)
        if part[:2] == "##"
    }
    tables_by_heading[table.splitlines()[0]] = table
    tables = "\n\n".join(tables_by_heading.values())
    PAGE.write_text(f"{head}<!-- figures -->\n\n{tables}\n", encoding="utf-8")


def training(repeats: int) -> str:
    """LoRA training against Hugging Face's `Trainer` and trl's `SFTTrainer`."""
    model, bf16, threads, theirs = inputs.model(), inputs.bf16(), os.cpu_count() or 1, peers.install("trl")
    with tempfile.TemporaryDirectory() as folder:
        rows = inputs.rows(Path(folder) / "rows.jsonl", TRAIN_ROWS)
        kinds: dict[str, list[Result]] = {"llmops-sdk `lora`": [], "transformers `Trainer`": [], "trl `SFTTrainer`": []}
        for seed in range(repeats):
            shared = [model, str(rows)]
            tail = [str(threads), str(seed)]
            counted = ["count"] if seed == 0 else []  # nearly the same for every seed
            own = [sys.executable, str(HERE / "own_training.py"), *shared, *tail, *counted]
            kinds["llmops-sdk `lora`"].append(_run(own, alone=True))
            for label, kind in (("transformers `Trainer`", "trainer"), ("trl `SFTTrainer`", "trl")):
                if theirs is None:
                    continue
                command = [
                    str(theirs),
                    str(HERE / "baseline_training.py"),
                    kind,
                    *shared,
                    str(int(bf16)),
                    *tail,
                ]
                kinds[label].append(_run(command, alone=True))
    own_runs = kinds["llmops-sdk `lora`"]
    of_limit = own_runs[0].pop("flop") / statistics.median(
        run["tokens"] / run["speed"] * run["limit"] for run in own_runs
    )
    lines = [
        f"\n## LoRA training\n\nSmolLM2-135M-Instruct, {TRAIN_ROWS} rows of the sample data, one epoch, rank 16, "
        f"{'bfloat16' if bf16 else 'float32'}, {threads} threads; loss on the completions. "
        f"What llmops-sdk must multiply would take {of_limit:.0%} of its time in matrix products alone.\n",
        "| | tokens/s | CPU-seconds | memory, MB | mean loss | llmops-sdk is faster by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for label, runs in kinds.items():
        if runs:
            median = ratios.medians(runs)
            lines.append(
                f"| {label} | {median['speed']:.0f} | {median['cpu']:.0f} | {median['memory']:,.0f} | {median['loss']:.3f} "
                f"| {ratios.ratio(own_runs, runs, 'speed')} |"
            )
    return "\n".join(lines)


def generation(repeats: int) -> str:
    """The endpoint with 16 clients, against one request after another."""
    with tempfile.TemporaryDirectory() as folder:
        rows = inputs.rows(Path(folder) / "rows.jsonl", GENERATED_ROWS)
        runs = [
            _run([sys.executable, str(HERE / "generation.py"), inputs.model(), str(rows), str(os.cpu_count())])
            for _ in range(repeats)
        ]
    speeds = {key: [run[key] for run in runs] for key in runs[0] if key != "metadata"}
    labels = {
        "clients_16": "llmops-sdk endpoint, 16 requests at a time",
        "clients_1": "llmops-sdk endpoint, one request after another",
        "transformers": "transformers `generate` in process, one after another",
    }
    lines = [
        f"\n## Generation\n\n{GENERATED_ROWS} prompts of the sample data, 64 new tokens, greedy, {runs[0]['metadata']['dtype']}.\n",
        "| | tokens/s | 16 at a time is faster by |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {label} | {ratios.medians(speeds[key])['tokens_per_second']:.0f} "
        f"| {ratios.ratio(speeds['clients_16'], speeds[key], 'tokens_per_second')} |"
        for key, label in labels.items()
    ]
    return "\n".join(lines)


def engines(repeats: int) -> str:
    """What computes a local model: OpenVINO and torch, OpenVINO GenAI and llama.cpp, on the same weights."""
    own = sys.executable
    kinds = {
        "openvino": ("llmops-sdk, engine `openvino`, float32", own),
        "torch": ("llmops-sdk, engine `torch`, float32", own),
    }
    server = peers.llama_cpp()
    genai = peers.install("openvino-genai")
    if server and genai:
        kinds[f"genai:{peers.gguf(inputs.model(), 'f16')}"] = ("OpenVINO GenAI, F16, computes in float32", str(genai))
    if server:
        kinds[f"{server}:{peers.gguf(inputs.model(), 'bf16')}"] = ("llama.cpp server, BF16", own)
    runs: dict[str, list[Result]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        rows = inputs.rows(Path(folder) / "rows.jsonl", ENGINE_ROWS)
        for _ in range(repeats):
            for kind, (_, python) in kinds.items():
                runs[kind].append(_run([python, str(HERE / "engines.py"), inputs.model(), str(rows), kind]))
    exact = [tokens[:-1] if len(tokens) < NEW_TOKENS else tokens for tokens in runs["torch"][0]["answers"]]
    lines = [
        f"\n## Engines\n\n{ENGINE_ROWS} prompts of the sample data, {NEW_TOKENS} new tokens, greedy, 16 at a time.\n",
        "| | tokens/s | the default is faster by | CPU-seconds per 1,000 tokens | start, s | memory, MB | answers equal to torch in float32 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind_runs in runs.values():
        for run in kind_runs:
            run["speed"] = sum(map(len, run["answers"])) / run["seconds"]
    for kind, (label, _) in kinds.items():
        tokens = sum(map(len, runs[kind][0]["answers"]))
        median = {
            name: statistics.median(run[name] for run in runs[kind]) for name in ("start", "speed", "cpu", "memory")
        }
        equal = sum(answer[: len(one)] == one for answer, one in zip(runs[kind][0]["answers"], exact, strict=True))
        lines.append(
            f"| {label} | {median['speed']:.0f} | {ratios.ratio(runs['openvino'], runs[kind], 'speed')} "
            f"| {1000 * median['cpu'] / tokens:.1f} | {median['start']:.1f} | {median['memory']:.0f} | {equal} of {len(exact)} |"
        )
    return "\n".join(lines)


def scoring(repeats: int) -> str:
    """Summarization accuracy against FMEval's own `evaluate`, as whole processes."""
    return scoring_table(_run([sys.executable, str(HERE / "scoring.py"), "--repeats", str(repeats)]))


def scoring_table(results: Result) -> str:
    """Return the tables for what `scoring.py` prints."""
    lines = [
        "\n## Scoring\n\nROUGE, METEOR and BERTScore (MiniLM) of texts of 60 words; whole processes, from their start "
        "to their end; FMEval scores the matrix of candidates once in each way.\n",
        "| | FMEval, s | CPU-s | llmops-sdk, s | CPU-s | faster by | less CPU by | largest difference of a score |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for size, row in results["sizes"].items():
        lines.append(f"{ratios.versus(f'{size} records', row['fmeval'], row['own'])} {_differences(row)} |")
    for size, row in results.get("matrix", {}).items():
        candidates, records = size.split("x")
        label = f"{candidates} candidates, {records} records, one run"
        for way, side in (("in a process for each", "fmeval"), ("in one call", "fmeval_one_call")):
            lines.append(f"{ratios.versus(f'{label}; FMEval {way}', row[side], row['own'])} {_differences(row)} |")
    if "many" not in results:
        return "\n".join(lines)
    lines += ["", "| ROUGE and METEOR alone | s | CPU-s | peak memory, MB |", "|---|---:|---:|---:|"]
    lines += [
        f"| {int(size):,} records | {row['wall']:.1f} | {row['cpu']:.1f} | {row['peak'] / 1e6:.0f} |"
        for size, row in ((size, ratios.medians(runs)) for size, runs in results["many"].items())
    ]
    return "\n".join(lines)


def _differences(row: Result) -> str:
    return ", ".join(f"{name} {value:.1g}" for name, value in row["differences"].items())


def recording(repeats: int) -> str:
    """A whole run that asks an endpoint that answers at once, against a script that only asks."""
    runs: dict[str, list[Result]] = {"own": [], "script": []}
    for _ in range(repeats):
        for kind, results in runs.items():
            results.append(_run([sys.executable, str(HERE / "recording.py"), kind, str(ASKED)]))
    lines = [
        f"\n## Recording\n\n{ASKED:,} records, 8 requests at a time, an endpoint on loopback that answers at once; whole processes.\n",
        "| | s | CPU-s | ms of CPU per record | llmops-sdk is faster by |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, kind in (
        ("llmops-sdk: ask, record, score, decide", "own"),
        ("a script: a pool of threads and httpx", "script"),
    ):
        row = ratios.medians(runs[kind])
        lines.append(
            f"| {label} | {row['wall']:.1f} | {row['cpu']:.1f} | {row['cpu'] / ASKED * 1000:.2f} "
            f"| {ratios.ratio(runs[kind], runs['own'], 'wall')} |"
        )
    return "\n".join(lines)


def orchestration(_repeats: int) -> str:
    """The SDK's own time for steps that do nothing."""
    medians = _run([sys.executable, str(HERE / "orchestration.py")])
    lines = [
        "\n## Orchestration\n\nCandidates whose model, endpoint and metric take no time, with the full record and cache. The "
        "conclusion compares every pair of candidates.\n",
        "| candidates | steps | plan, s | ms per step | of it waiting for the disk | flushes per step | conclusion, s "
        "| a second run, all cached, s |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for candidates, row in medians.items():
        lines.append(
            f"| {int(candidates):,} | {row['steps']:,.0f} | {row['plan_s']:.2f} | {row['ms_per_step']:.2f} | {row['flushing']:.0%} "
            f"| {row['flushes_per_step']:.1f} | {row['conclusion_s']:.2f} | {row['cached_s']:.2f} |"
        )
    return "\n".join(lines)


def growth(_repeats: int) -> str:
    """A plan of many candidates, and many records that are all cached."""
    measured = _run([sys.executable, str(HERE / "growth.py")])
    lines = [
        "\n## Growth\n\nWhole processes. The cached run writes the whole record and report again, and asks and scores nothing.\n",
        "| | s | CPU-s | peak memory, MB |",
        "|---|---:|---:|---:|",
    ]
    for label, key in (
        (f"`llmops plan` of {measured['candidates']:,} fine-tuned candidates", "plan"),
        (f"a run of {measured['records']:,} records, 8 requests at a time", "first"),
        ("the same again, all cached", "cached"),
    ):
        row = measured[key]
        lines.append(f"| {label} | {row['wall']:.1f} | {row['cpu']:.1f} | {row['peak'] / 1e6:.0f} |")
    return "\n".join(lines)


def compiling(repeats: int) -> str:
    """A SageMaker pipeline, from its plan to its definition, against the SageMaker SDK alone."""
    runs = [_run([sys.executable, str(HERE / "compiling.py"), *COMPILED_STEPS]) for _ in range(repeats)]
    lines = [
        "\n## Compiling\n\nA pipeline of `@step` functions, from its plan to its definition with everything uploaded (to an S3 "
        "on loopback), against the SageMaker SDK's own `definition()`.\n",
        "| steps | SageMaker SDK, s | CPU-s | llmops-sdk, s | CPU-s | faster by | less CPU by |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for steps in COMPILED_STEPS:
        sdk, own = ([run[steps][kind] for run in runs] for kind in ("sdk", "own"))
        lines.append(ratios.versus(steps, sdk, own))
    return "\n".join(lines)


def asking(repeats: int) -> str:
    """2,000 questions to a server that answers after 100 ms, against the ideal and against other tools."""
    for tool in ("inspect", "lm-eval", "promptfoo"):
        peers.install(tool)
    runs = [_run([sys.executable, str(HERE / "asking.py")]) for _ in range(repeats)]
    lines = [
        "\n## Asking\n\n2,000 questions to a server in OpenAI's form that answers each after 100 ms, as complete evaluations; measured by "
        "the server, from the first request to the last answer. The ideal is 10 records a second for each request in flight. "
        "CPU is that of the tool's processes, their start included.\n",
        "| tool | in flight | records/s | of the ideal | CPU-ms per record | llmops-sdk is faster by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for tool in runs[0]:
        for in_flight in runs[0][tool]:
            own, theirs = ([run[name][in_flight] for run in runs] for name in ("own", tool))
            median = ratios.medians(theirs)
            lines.append(
                f"| {ASKING_TOOLS.get(tool, tool)} | {in_flight} | {median['per_second']:,.0f} | {median['of_ideal']:.0%} "
                f"| {median['cpu_ms_per_record']:.1f} | {ratios.ratio(own, theirs, 'per_second')} |"
            )
    return "\n".join(lines)


def verdicts(_repeats: int) -> str:
    """Our verdict beside MLflow's comparison and Holm over paired t-tests, on the same scores."""
    peers.install("mlflow")
    text = _run([sys.executable, str(HERE / "verdicts.py")])["text"]
    return f"\n## Verdicts\n\n{text}"


def reports(_repeats: int) -> str:
    """The report of many records: its size, its writing, and how a browser shows it."""
    lines = [
        "\n## Reports\n\nThe report of 3 candidates with three metrics, texts made of the sample data's words (a context of 150 words, "
        "answers of 60), written from the samples and opened from disk in headless Chromium. Heap is JavaScript's after a garbage "
        "collection: with the page open, and after sorting all records and searching all texts.\n",
        "| records | page, MB | written in, s | peak memory, MB | first row after, ms | all of it read after, ms "
        "| sorted in, ms | all texts searched in, ms | heap, MB | after use, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for records in REPORTED:
        own = _run([sys.executable, str(HERE / "report_page.py"), records])
        lines.append(
            f"| {int(records):,} | {own['bytes'] / 1e6:.1f} | {own['write_s']:.1f} | {own['write_mb']:.0f} | {own['first_row_ms']:.0f} "
            f"| {own['complete_ms']:.0f} | {own['sort_ms']:.0f} | {own['search_ms']:,.0f} | {own['heap_mb']:.1f} | {own['used_heap_mb']:.1f} |"
        )
    return "\n".join(lines)


REPORTED = ("500", "10000")
ASKING_TOOLS = {"own": "llmops-sdk", "inspect": "Inspect", "lm-eval": "lm-evaluation-harness", "promptfoo": "promptfoo"}
COMPILED_STEPS = ("2", "20", "100")
ASKED = 10_000
_TABLES = {
    "scoring": scoring,
    "training": training,
    "generation": generation,
    "engines": engines,
    "recording": recording,
    "orchestration": orchestration,
    "growth": growth,
    "compiling": compiling,
    "asking": asking,
    "verdicts": verdicts,
    "reports": reports,
}
_FIXED = {"growth": 1, "verdicts": 1, "orchestration": REPEATS, "reports": REPEATS}


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return (
        f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores of {model}, Python {platform.python_version()}"
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _run(command: list[str], *, alone: bool = False) -> Result:
    """Run a benchmark; threads that wait leave the processors to other processes, except where it computes `alone`."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", **({} if alone else {"OMP_WAIT_POLICY": "passive"})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: Result = json.loads(done.stdout.strip().splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())
