"""The reporter `lm-eval`: files that lm-evaluation-harness reads."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result
from llmops_sdk.plugin import Context

from .conftest import Report


def _read(folder: str, dataset: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the results of a candidate, and its samples of a dataset."""
    (results,) = Path(folder).glob("results_*.json")
    date = results.stem.removeprefix("results_")
    lines = (Path(folder) / f"samples_{dataset}_{date}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return json.loads(results.read_text(encoding="utf-8")), [json.loads(line) for line in lines]


def test_each_candidate_has_results_and_samples(result: Result, report: Report) -> None:
    """A dataset is a task; means and standard errors are those of the samples."""
    assert ["wrote out"] == report(result.run, "lm-eval", path="out")

    assert {"good", "bad"} == {path.name for path in Path("out").iterdir()}
    results, samples = _read("out/good", "lines")
    assert {"lines", "more"} == set(results["results"]) == set(results["versions"])
    noise = [sample["noise"] for sample in samples]
    task = results["results"]["lines"]
    assert task["noise,none"] == pytest.approx(statistics.mean(noise))
    assert task["noise_stderr,none"] == pytest.approx(statistics.stdev(noise) / 20**0.5)
    assert task["noise,none"] == pytest.approx(result.leaderboards[0].cells[0].estimates["noise"].mean)
    assert {"exact": True, "noise": False} == results["higher_is_better"]["lines"]
    assert ({"original": 20, "effective": 20}, "good") == (results["n-samples"]["lines"], results["model_name"])


def test_a_sample_has_the_fields_of_the_tool(result: Result, report: Report) -> None:
    """With hashes of document, prompt and target, made as the tool makes them."""
    report(result.run, "lm-eval", path="out")

    results, samples = _read("out/bad", "more")
    sample = samples[3]
    record = next(each for each in result.records("bad", "more") if each.index == 3)
    prompt = record.record["context"]
    assert {
        "doc_id": 3,
        "doc": dict(record.record),
        "target": record.record["response"],
        "arguments": {
            "gen_args_0": {
                "arg_0": prompt,
                "arg_1": {"until": [], "max_gen_toks": 128, "temperature": 0.0, "do_sample": False},
            }
        },
        "resps": [[record.output]],
        "filtered_resps": [record.output],
        "filter": "none",
        "metrics": ["exact", "noise"],
        "doc_hash": hashlib.sha256(json.dumps(record.record, indent=2, ensure_ascii=False).encode()).hexdigest(),
        "prompt_hash": hashlib.sha256(prompt.encode()).hexdigest(),
        "target_hash": hashlib.sha256(record.record["response"].encode()).hexdigest(),
        **record.scores,
    } == sample
    hashes = "".join(each["doc_hash"] + each["prompt_hash"] + each["target_hash"] for each in samples)
    assert hashlib.sha256(hashes.encode()).hexdigest() == results["task_hashes"]["more"]


def test_failures_count_and_what_is_missing_is_left_out(states: Result, report: Report) -> None:
    """A failure has the worst score; a record without an answer has no sample, one without a score no number."""
    report(states.run, "lm-eval", path="out")

    results, samples = _read("out/late", "says")
    by_id = {sample["doc_id"]: sample for sample in samples}
    assert {1, 2, 3, 4, 5} == set(by_id)
    assert {"original": 6, "effective": 5} == results["n-samples"]["says"]
    assert ({"quality": 0.5}, {"quality": 0.0, "cost": 9.0}, {}) == tuple(
        {name: by_id[place][name] for name in by_id[place]["metrics"]} for place in (1, 2, 3)
    )
    assert "N/A" == results["results"]["says"]["quality_stderr,none"]  # its records are in groups


def test_repeats_and_seeds(registry: Registry, tmp_path: Path, report: Report) -> None:
    """A sample has all answers to its record and their mean; each checkpoint has a folder."""
    result = (
        Pipeline.builder("echo")
        .with_dataset("lines", records=20)
        .with_prompt("bare")
        .with_model("echo", name="tuned", trainer={"voice": "unsteady"}, seeds=[1, 2])
        .with_evaluator("echo-score")
        .with_generation(repeats=2)
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
    )

    report(result.run, "lm-eval", path="out")

    results, samples = _read("out/tuned-seed1", "lines")
    part = result.leaderboards[0].cells[0].parts[0]
    assert 10 == len(samples)
    assert {2} == {len(sample["resps"][0]) for sample in samples}
    assert results["results"]["lines"]["exact,none"] == pytest.approx(part.estimates["exact"].mean)
    assert (Path("out") / "tuned-seed2").is_dir()


def test_our_importer_reads_the_files_back(
    states: Result, report: Report, registry: Registry, make_context: Callable[..., Context]
) -> None:
    """With the candidate, the task, the metrics and their directions, and the scores of each record."""
    report(states.run, "lm-eval", path="out")

    (imported,) = registry.make("importer", "lm-eval", {}).read(make_context(), Path("out/old"))

    assert ("old", "says") == (imported.candidate, imported.dataset)
    assert {"quality": True, "cost": False} == {metric.name: metric.higher_is_better for metric in imported.metrics}
    answers = [row.answer for row in imported.rows]
    assert [
        ("good", {"quality": 1.0, "cost": 2.0}),
        ("partial", {"quality": 0.5}),
        ("unusable", {"quality": 0.0, "cost": 9.0}),
        ("undefined", {}),
        ("pending", {}),
        ("good", {"quality": 1.0, "cost": 2.0}),
    ] == [(answer.output, dict(answer.scores)) for answer in answers]


_READ_BACK = """
import json, sys
from pathlib import Path
from datasets import load_dataset
from lm_eval.utils import get_latest_filename, get_results_filenames, get_sample_results_filenames
from lm_eval.utils import get_file_task_name, handle_non_serializable, hash_string, make_table

files = [str(path) for path in Path(sys.argv[1]).rglob("*") if path.is_file()]
results = json.load(open(get_latest_filename(get_results_filenames(files))))
print(make_table(results))
for file in get_sample_results_filenames(files):
    samples = load_dataset("json", data_files=file, split="train")
    for sample in map(json.loads, open(file)):
        document = json.dumps(sample["doc"], indent=2, default=handle_non_serializable, ensure_ascii=False)
        assert sample["doc_hash"] == hash_string(document)
        assert sample["prompt_hash"] == hash_string(sample["arguments"]["gen_args_0"]["arg_0"])
        assert sample["target_hash"] == hash_string(str(sample["target"]))
    print(get_file_task_name(Path(file).name), len(samples), sum(samples["exact"]))
"""


@pytest.mark.slow
def test_the_tool_reads_the_files_back(result: Result, report: Report, lm_eval_python: str, tmp_path: Path) -> None:
    """Its table has the means, its file names are found, its hashes are equal, and the samples load as a dataset."""
    report(result.run, "lm-eval", path="out")

    done = subprocess.run(
        [lm_eval_python, "-c", _READ_BACK, "out/good"],
        env={"HF_HOME": str(tmp_path / "hub"), "HF_DATASETS_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr[-2000:]
    assert "|lines|llmops|none|0|exact|↑|1|±|0|" in done.stdout.replace(" ", "").replace("1.0000", "1").replace(
        "0.0000", "0"
    )
    assert {"lines 20 20.0", "more 10 10.0"} <= set(done.stdout.split("\n"))
