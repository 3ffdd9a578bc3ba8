"""From a run's record to its report's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, RunNotFoundError
from llmops_sdk.plugin import Resource, Run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.report.collect import collect, report_run


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    return pipeline.with_model("echo", name="bad", trainer={"fails": True}).with_evaluator("echo-score")


@pytest.fixture(name="result")
def _result(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> Result:
    return pipeline.run(store=LocalStore(tmp_path / "runs"), registry=registry, progress=Progress())


def test_a_run_is_collected(result: Result) -> None:
    """Metadata, specification, datasets, prompts, generation, steps and samples come from the record."""
    data = collect(result.run)

    assert result.results == data.results
    assert (result.run.id, "local") == (data.metadata["run"], data.metadata["executor"])
    assert {"started", "duration", "machine", "llmops-sdk", "python", "plan", "plugins"} <= set(data.metadata)
    assert "name: echo" in data.specification
    assert [("lines", 10, 10, "lines")] == [(one.name, one.train, one.test, one.source["use"]) for one in data.datasets]
    assert {"bare": "{context}{response}"} == data.prompts
    assert ("128", "none") == (data.generation["max_new_tokens"], data.generation["stop"])
    status = {step.name: step.status for step in data.steps}
    assert ("succeeded", "failed", "skipped") == (
        status["generate.echo"],
        status["train.bad.bare.lines"],
        status["score.bad.bare.lines"],
    )
    assert {"echo.bare.lines"} == set(data.samples)
    assert list(range(10)) == [sample.index for sample in data.samples["echo.bare.lines"]]


def test_exceptions_of_a_model_and_both_forms_of_a_prompt_are_collected(
    pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """What is not the same for all candidates, and what records without a context are asked."""
    pipeline = pipeline.with_prompt("plain").with_model("echo", name="o", fine_tune=False, varies={"temperature": None})
    result = pipeline.run(store=LocalStore(tmp_path / "runs"), registry=registry, progress=Progress())

    data = collect(result.run)

    assert {"o": "temperature left out"} == data.varies
    form = "{instruction}\n\n{response}"
    assert (
        f"{{instruction}}\n\n{{context}}\n\n{{response}}\n\n[records without a context]\n\n{form}"
        == data.prompts["plain"]
    )


def test_metadata_that_only_some_runs_have(result: Result, pipeline: Pipeline, registry: Registry) -> None:
    """The run that was rescored, what is still billed, and what an executor has added."""
    assert not {"rescored from", "still billed", "emulated"} & set(collect(result.run).metadata)
    run = Run.create(result.run.store, pipeline.build(registry), based_on=result.run.id, details={"emulated": "AWS"})
    run.copy_file(result.run, "results.json")
    run.add_resource(Resource("endpoint", "e-1"), "generate.echo")
    run.mark_kept(Resource("endpoint", "e-1"), "generate.echo")

    metadata = collect(run).metadata

    assert (result.run.id, "AWS") == (metadata["rescored from"], metadata["emulated"])
    assert f"endpoint e-1; delete it with: llmops gc --run {run.id} --force" == metadata["still billed"]


def test_a_step_has_the_reason_why_it_was_reused(result: Result, pipeline: Pipeline, registry: Registry) -> None:
    """The first run of a pipeline has none."""
    assert {""} == {step.reason for step in collect(result.run).steps}

    again = pipeline.run(store=result.run.store, registry=registry, progress=Progress())

    reasons = {step.reason for step in collect(again.run).steps if step.status == "cached"}
    assert {f"same inputs as in run {result.run.id}"} == reasons


def test_the_report_is_written_into_the_record_or_to_a_file(result: Result, tmp_path: Path) -> None:
    """Its location is returned."""
    into_record = report_run(result.run)
    to_file = report_run(result.run, tmp_path / "deep" / "report.html")

    assert f"{result.run.location}/report.html" == into_record
    assert Path(to_file).read_bytes() == result.run.read("report.html")


def test_a_run_without_results_has_no_report(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """The error has the command that finishes it."""
    run = Run.create(LocalStore(tmp_path / "runs"), pipeline.build(registry))

    with pytest.raises(RunNotFoundError, match="finish it with: llmops run --resume"):
        report_run(run)
