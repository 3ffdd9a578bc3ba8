"""`Result`: its text, its decision and its records."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Result, Run, SpecError, load
from llmops_sdk.plugin import Sample
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.testing import MemoryStore


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """Two candidates, of which one gives the right answers, on one dataset."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", name="loud", fine_tune=False)
    return pipeline.with_model("echo", name="quiet", voice="quiet", fine_tune=False)


@pytest.fixture(name="run")
def _run(pipeline: Pipeline, registry: Registry) -> Run:
    """A finished run."""
    return finish(pipeline, registry).run


def finish(pipeline: Pipeline, registry: Registry) -> Result:
    """Run a pipeline without showing its progress."""
    return pipeline.run(store=MemoryStore(), registry=registry, progress=Progress())


def test_repr_shows_the_leaderboard(run: Run) -> None:
    """The run, the dataset, each candidate with the deciding metric and its interval, and the verdict."""
    lines = repr(Result(run)).splitlines()

    assert [
        f"run {run.id}",
        "",
        "dataset lines, decided by Exact match",
        "  loud   1.000 [0.661, 1.000]  base  10/10 answered",
        "  quiet  0.000 [0.000, 0.339]  base  10/10 answered",
    ] == lines[:5]
    assert Result(run).decision().text == lines[5]


def test_repr_of_an_unfinished_run_shows_how_far_it_is(pipeline: Pipeline, registry: Registry) -> None:
    """It names the command that resumes the run."""
    run = Run.create(MemoryStore(), pipeline.build(registry))

    expected = f"run {run.id}: no results yet, 0 of 6 steps have ended; resume with: llmops run --resume {run.id}"
    assert expected == repr(Result(run))


def test_repr_names_candidates_without_a_result(pipeline: Pipeline, registry: Registry) -> None:
    """With the step that failed and its error."""
    text = repr(finish(pipeline.with_model("echo", name="tuned", trainer={"fails": True}), registry))

    assert "  tuned has no result: step train.tuned.bare.lines failed: " in text


def test_records_of_a_recipe_are_those_of_a_seed(pipeline: Pipeline, registry: Registry) -> None:
    """Each checkpoint has answers of its own; a seed must be chosen."""
    result = finish(pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2]}), registry)

    assert 10 == len(list(result.records("tuned", seed=2)))
    first, second = ([sample.output for sample in result.records("tuned", seed=seed)] for seed in (1, 2))
    assert first != second
    with pytest.raises(
        SpecError, match="candidate 'tuned' on 'lines' was fine-tuned with the seeds 1, 2; choose one of them"
    ):
        result.records("tuned")
    with pytest.raises(SpecError, match="candidate 'loud' on 'lines' was not fine-tuned with several seeds"):
        result.records("loud", seed=1)
    assert "fine-tuned, 2 seeds  20/20 answered" in repr(result)


def test_repr_never_raises(run: Run) -> None:
    """Results that cannot be read are reported in its text."""
    run.store.put(f"runs/{run.id}/results.json", b'{"schema":99}')

    assert f"run {run.id}: the results of run" in repr(Result(run))


def test_a_run_is_loaded_from_a_store(run: Run) -> None:
    """By default the latest one."""
    assert run.id == load(store=run.store).run.id
    assert run.id == load(run.id[:4], store=run.store).run.id


def test_records_have_prompt_answer_and_scores(run: Run) -> None:
    """Of one candidate, in the order of the test split."""
    samples = list(Result(run).records("quiet"))

    assert all(isinstance(sample, Sample) for sample in samples)
    assert list(range(10)) == [sample.index for sample in samples]
    assert all(sample.answer and sample.answer.output == sample.record["context"] for sample in samples)
    assert {0.0} == {sample.scores["exact"] for sample in samples}


def test_names_may_be_omitted_if_there_is_only_one(home: Path, registry: Registry) -> None:  # noqa: ARG001 - a cache of its own
    """Of a run with one candidate on one dataset, neither is needed."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    result = finish(pipeline.with_model("echo", fine_tune=False), registry)

    assert 10 == len(list(result.records()))
    assert "echo" == result.decision().best


@pytest.mark.parametrize(
    ("candidate", "dataset", "message"),
    [
        ("", "", "name a candidate: loud, quiet"),
        ("loudd", "", "there is no candidate 'loudd' on 'lines'; did you mean 'loud'?"),
        ("loud", "line", "there is no dataset 'line' in this run; did you mean 'lines'?"),
    ],
)
def test_an_unknown_name_is_a_mistake(candidate: str, dataset: str, message: str, run: Run) -> None:
    """The message names those there are."""
    with pytest.raises(SpecError) as error:
        Result(run).records(candidate, dataset)

    assert message == str(error.value)


def test_a_dataset_must_be_named_if_there_are_several(pipeline: Pipeline, registry: Registry) -> None:
    """A decision and records are those of one dataset."""
    result = finish(pipeline.with_dataset("lines", name="more", records=8), registry)

    for ask in (result.decision, lambda: result.records("loud")):
        with pytest.raises(SpecError, match="name a dataset: lines, more"):
            ask()
    assert "loud" == result.decision("more").best
    assert 4 == len(list(result.records("loud", "more")))


def test_a_failed_candidate_has_no_records(pipeline: Pipeline, registry: Registry) -> None:
    """The message names the step that failed."""
    result = finish(pipeline.with_model("echo", name="tuned", trainer={"fails": True}), registry)

    assert ["tuned"] == [cell.candidate for cell in result.failures]
    with pytest.raises(
        SpecError, match=r"candidate 'tuned' on 'lines' has no records: step 'train.tuned.bare.lines' f"
    ):
        result.records("tuned")


def test_report_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    """It returns the path."""
    path = tmp_path / "folder" / "report.html"

    assert path == Result(run).report(path)
    assert "<html" in path.read_text(encoding="utf-8")


def test_a_reporter_is_called_for_a_result(run: Run, tmp_path: Path) -> None:
    """With its options; an unknown one is a mistake."""
    Result(run).report_as("table", path=str(tmp_path / "t.jsonl"))

    assert 20 * 2 == len((tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines())
    with pytest.raises(SpecError, match="no reporter is called 'tabble'; did you mean 'table'"):
        Result(run).report_as("tabble")


def test_a_result_is_a_table(run: Run) -> None:
    """A row for each record and candidate, a column for each metric."""
    pytest.importorskip("pandas")

    table, frame = Result(run).to_arrow(), Result(run).to_pandas()

    assert (20, table.num_columns) == frame.shape
    assert [1.0, 0.0] == [frame[frame.candidate == name]["exact"].mean() for name in ("loud", "quiet")]
