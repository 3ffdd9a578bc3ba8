"""The reporter `every-eval-ever`: files that its own validator accepts."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result, SpecError

from .conftest import Report


def _read(candidate: str, organization: str = "unknown") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the aggregate of a candidate, and its lines."""
    folder = Path("out/data/echo") / organization / candidate
    (aggregate,) = folder.glob("*.json")
    samples = folder / f"{aggregate.stem}_samples.jsonl"
    lines = samples.read_text(encoding="ascii").splitlines()  # as the validator splits them
    return json.loads(aggregate.read_text(encoding="utf-8")), [json.loads(line) for line in lines]


def test_the_aggregate_has_means_and_intervals(result: Result, report: Report) -> None:
    """A result for each dataset and metric, with its direction and bounds."""
    assert ["wrote out"] == report(
        result.run, "every-eval-ever", path="out", organization="ACME", relationship="first_party"
    )

    aggregate, _ = _read("good", "ACME")
    assert ("0.3.0", "evaluation_run", "first_party") == (
        aggregate["schema_version"],
        aggregate["source_metadata"]["source_type"],
        aggregate["source_metadata"]["evaluator_relationship"],
    )
    assert ("ACME/good", "ACME") == (aggregate["model_info"]["id"], aggregate["model_info"]["developer"])
    results = {each["evaluation_result_id"]: each for each in aggregate["evaluation_results"]}
    assert 4 == len(results)
    estimate = result.leaderboards[0].cells[0].estimates["exact"]
    exact = results[f"{aggregate['evaluation_id']}/lines/exact"]
    interval = exact["score_details"]["uncertainty"]["confidence_interval"]
    assert (estimate.mean, estimate.low, estimate.high) == (
        exact["score_details"]["score"],
        interval["lower"],
        interval["upper"],
    )
    noise = results[f"{aggregate['evaluation_id']}/lines/noise"]["metric_config"]
    assert (True, "-Infinity", "Infinity") == (noise["lower_is_better"], noise["min_score"], noise["max_score"])
    assert (False, 0.0, 1.0) == tuple(
        exact["metric_config"][name] for name in ("lower_is_better", "min_score", "max_score")
    )


def test_every_answer_has_a_line_for_each_metric(result: Result, report: Report) -> None:
    """The aggregate names their file, its hash and its length; each line names its result."""
    report(result.run, "every-eval-ever", path="out")

    aggregate, lines = _read("bad")
    details = aggregate["detailed_evaluation_results"]
    file = Path("out") / details["file_path"]
    assert (hashlib.sha256(file.read_bytes()).hexdigest(), 60) == (details["checksum"], details["total_rows"])
    assert 60 == len(lines)
    assert {each["evaluation_result_id"] for each in aggregate["evaluation_results"]} == {
        line["evaluation_result_id"] for line in lines
    }
    sample = next(result.records("bad", "lines"))
    line = lines[0]
    assert ("lines-0", [sample.output], {"score": 0.0, "is_correct": False}) == (
        line["sample_id"],
        line["output"]["raw"],
        line["evaluation"],
    )
    asked = {"raw": sample.record["context"], "reference": [sample.record["response"]]}
    assert asked == line["input"]
    assert {"is_correct": True, "score": 1.0} == _read("good")[1][0]["evaluation"]


def test_repeated_it_has_the_same_names(result: Result, report: Report) -> None:
    """So the files are replaced."""
    for _ in range(2):
        report(result.run, "every-eval-ever", path="out")

    assert 4 == len([path for path in Path("out").rglob("*") if path.is_file()])


def test_answers_may_be_left_out(result: Result, report: Report) -> None:
    """The aggregate then names no file."""
    report(result.run, "every-eval-ever", path="out", samples=False)

    assert 2 == len([path for path in Path("out").rglob("*") if path.is_file()])
    (aggregate,) = Path("out/data/echo/unknown/good").glob("*.json")
    assert "detailed_evaluation_results" not in json.loads(aggregate.read_text(encoding="utf-8"))


def test_failures_count_and_what_has_no_number_has_no_line(states: Result, report: Report) -> None:
    """A failure has the worst score and its reason."""
    report(states.run, "every-eval-ever", path="out")

    (samples,) = Path("out/data/states/unknown/old").glob("*_samples.jsonl")
    lines = [json.loads(line) for line in samples.read_text(encoding="ascii").splitlines()]
    numbers = [(line["sample_id"], line["evaluation"]["score"], line.get("error", "")) for line in lines]
    assert [("says-1", 0.5, ""), ("says-2", 0.0, "no JSON"), ("says-2", 9.0, "no JSON")] == numbers[2:5]
    assert 7 == len(numbers)
    assert {"say 0", "say 1", "say 2", "say 5"} == {line["input"]["raw"] for line in lines}


def test_a_wrong_relationship_is_refused_before_the_run(registry: Registry) -> None:
    """The message lists those that there are."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    pipeline = pipeline.with_evaluator("echo-score").with_reporter("every-eval-ever", relationship="friend")

    with pytest.raises(SpecError, match="third_party"):
        pipeline.build(registry=registry)


_SCHEMAS = """
import json, sys
from importlib.resources import files
from pathlib import Path
from jsonschema import Draft7Validator

schemas = files("every_eval_ever.schemas")
aggregate, instance = (Draft7Validator(json.loads(schemas.joinpath(name).read_text()))
                       for name in ("eval.schema.json", "instance_level_eval.schema.json"))
count = 0
for path in Path("out").rglob("*"):
    if path.suffix == ".json":
        aggregate.validate(json.loads(path.read_text()))
        count += 1
    elif path.suffix == ".jsonl":
        for line in path.open():
            instance.validate(json.loads(line))
            count += 1
print(count)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_schema_and_its_validator_accept_the_files(
    registry: Registry, tmp_path: Path, report: Report, every_eval_ever_python: str
) -> None:
    """Both come with its package; texts of all kinds, chats and a fine-tuned model with seeds."""
    data = tmp_path / "data.jsonl"
    texts = ["\u2028\u2029\x85 separators", 'a "quoted"\nline', "\u05e9\u05dc\u05d5\u05dd \U0001f600", "last"]
    data.write_text(
        "".join(
            json.dumps({"instruction": f"say {text}", "context": text or "?", "response": text}) + "\n"
            for text in texts
        ),
        encoding="utf-8",
    )
    run = (
        Pipeline.builder("echo")
        .with_dataset("file", name="texts", path=str(data), test_fraction=0.5)
        .with_prompt("bare")
        .with_model("echo", name="tuned", trainer={"voice": "unsteady"}, seeds=[1, 2])
        .with_model("echo", name="base", voice="quiet", fine_tune=False)
        .with_evaluator("echo-score")
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
        .run
    )
    report(run, "every-eval-ever", path="out", organization="acme")

    checked = subprocess.run([every_eval_ever_python, "-c", _SCHEMAS], capture_output=True, text=True, check=False)
    files = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.json*"))
    validated = subprocess.run(
        [every_eval_ever_python, "-m", "every_eval_ever", "validate", *files],
        cwd="out",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "15\n") == (checked.returncode, checked.stdout), checked.stderr[-2000:]
    assert 6 == len(files)
    assert 0 == validated.returncode, validated.stdout[-3000:] + validated.stderr[-2000:]
