"""The record of a run: what is written, read back, and shared between runs."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_sdk import Pipeline, Plan, Progress, RecordError, Run, RunNotFoundError
from llmops_sdk.plugin import Succeeded
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.artifacts import SamplesValue

DONE = Succeeded("prepare.lines", {"data": "data/1f"}, False, 1.0, 2.0)


def test_a_created_run_is_opened(store: Store, plan: Plan) -> None:
    """Its ID comes from the plan's name; its plan and metadata are as they were."""
    run = Run.create(store, plan, details={"emulated": "AWS"}, based_on="other")

    again = Run.open(store, run.id)

    assert run.id.startswith("echo-2nd-try-")
    assert (plan, run.metadata) == (again.plan, again.metadata)
    assert ("Echo, 2nd try!", plan.hash, "other", {"emulated": "AWS"}) == (
        again.metadata.name,
        again.metadata.plan,
        again.metadata.based_on,
        again.metadata.details,
    )
    assert 0 == again.metadata.created_at.utcoffset().total_seconds()  # type: ignore[union-attr]


def test_a_run_without_its_plan_is_refused(store: Store, plan: Plan) -> None:
    """The error names the plan's file."""
    run = Run.create(store, plan)
    store.delete("plans/")

    with pytest.raises(RunNotFoundError, match=rf"{plan.hash}/plan\.json' is missing from the store"):
        Run.open(store, run.id)


def test_records_of_steps(store: Store, plan: Plan) -> None:
    """Written, read by another process, and cleared; a truncated one is none."""
    run = Run.create(store, plan)
    assert run.record(DONE.step) is None
    run.write_record(DONE)

    assert DONE == run.record(DONE.step) == Run.open(store, run.id).record(DONE.step)
    run.clear_record(DONE.step)
    assert run.record(DONE.step) is None
    store.put(f"runs/{run.id}/steps/{DONE.step}.json", b'{"step":')
    assert Run.open(store, run.id).record(DONE.step) is None


def test_artifacts_are_shared_by_runs(store: Store, plan: Plan) -> None:
    """One run finishes it, another reads its value; a truncated value is no artifact."""
    one, other = Run.create(store, plan), Run.create(store, plan)
    assert one.artifact("samples/1f") is None
    one.finish_artifact("samples/1f", SamplesValue(3))

    artifact = other.artifact("samples/1f")

    assert artifact is not None
    assert SamplesValue(3) == artifact.read(SamplesValue)
    store.put("artifacts/samples/1f/artifact.json", b'{"value":')
    assert other.artifact("samples/1f") == artifact  # what is finished does not change: it is read once
    assert other.artifact("samples/1f", reread=True) is None


def test_logs(store: Store, plan: Plan) -> None:
    """Text is appended, also from another process's file, and logs are listed by name."""
    run = Run.create(store, plan)
    run.append_log("train.echo", "one\n")
    run.append_log("train.echo", "two\n")
    with run.log_file("train.echo") as path, path.open("ab") as file:
        file.write(b"three\n")
    run.put_log("container.train", b"all of it")

    assert b"one\ntwo\nthree\n" == run.read_log("train.echo")
    assert ("container.train", "train.echo") == run.logs()
    assert run.read_log("none") is None
    assert run.log_location("train.echo").endswith("logs/train.echo.log")


def test_files_are_copied_between_runs(store: Store, plan: Plan) -> None:
    """One that the other run lacks is not copied."""
    one, other = Run.create(store, plan), Run.create(store, plan)
    one.put("specification.yaml", b"name: x")

    for name in ("specification.yaml", "none.yaml"):
        other.copy_file(one, name)

    assert (b"name: x", None) == (other.read("specification.yaml"), other.read("none.yaml"))
    assert other.locate("specification.yaml").endswith(f"{other.id}/specification.yaml")


def test_the_record_of_the_same_run_is_copied_from_another_store(store: Store, plan: Plan) -> None:
    """All but its own run.json and specification; addresses of artifacts are replaced in JSON files."""
    remote = Run.create(MemoryStore(), plan, run_id="e-1")
    remote.write_record(DONE)
    remote.put("samples/echo.jsonl", b'{"of":"data/1f"}\n')
    remote.put("specification.yaml", b"remote")
    run = Run.create(store, plan, run_id="e-1", details={"emulated": "AWS"})
    run.put("specification.yaml", b"own")

    run.copy_record(remote, {"data/1f": "data/emulated-1f"})

    again = Run.open(store, "e-1")
    assert attrs.evolve(DONE, artifacts={"data": "data/emulated-1f"}) == again.record(DONE.step)
    assert b'{"of":"data/1f"}\n' == again.read("samples/echo.jsonl")
    assert (b"own", {"emulated": "AWS"}) == (again.read("specification.yaml"), again.metadata.details)


def test_prepared_steps_are_shared_by_all_runs_of_a_plan(store: Store, plan: Plan) -> None:
    """A temporary run prepares; runs that start from it have its record; of one ID there is one run."""
    with Run.temporary(store, plan) as scratch:
        scratch.write_record(DONE)
        scratch.share_prepared(DONE.step)
        assert [] == [key for key in store.list("runs/") if key.endswith("run.json")]

    assert [] == list(store.list("runs/"))
    run = Run.open_or_create(store, plan, "e-1")
    assert DONE == run.record(DONE.step)
    run.clear_record(DONE.step)
    assert Run.open_or_create(store, plan, "e-1").record(DONE.step) is None
    assert Run.create(store, plan).record(DONE.step) is None
    assert DONE == Run.create(store, plan, prepared=True).record(DONE.step)


def test_a_run_under_another_plan(store: Store, plan: Plan) -> None:
    """The same record, seen with other settings."""
    run = Run.create(store, plan)
    run.write_record(DONE)
    other = attrs.evolve(plan, settings={"testing": {"note": "x"}})

    same = run.with_plan(other)

    assert (run.id, other, DONE) == (same.id, same.plan, same.record(DONE.step))


def test_results_that_are_missing_or_damaged(store: Store, plan: Plan) -> None:
    """The error has the command that finishes the run, or the damaged file."""
    run = Run.create(store, plan)
    assert not run.has_results
    with pytest.raises(RunNotFoundError, match=f"has no results yet; finish it with: llmops run --resume {run.id}"):
        run.results()

    run.put("results.json", b'{"schema": 2}')
    with pytest.raises(RecordError, match=r"results\.json' is damaged"):
        run.results()
    run.put("results.json", b'{"schema": 9}')
    with pytest.raises(RunNotFoundError, match="have schema 9; this version of llmops-sdk reads 1 and 2"):
        run.results()


def test_a_damaged_sample_is_an_error_with_its_line(store: Store, plan: Plan) -> None:
    """The samples before it are read."""
    run = Run.create(store, plan)
    good = b'{"outcome":{"error":"no","index":0,"type":"Unanswered"},"prompt":{"text":"?","type":"TextPrompt"},"record":{}}\n'
    run.put("samples/echo.jsonl", good + b'{"outcome":{}}\n')
    samples = run.samples("echo")

    assert "no" == next(samples).error
    with pytest.raises(RecordError, match=r"line 2 of '.*samples/echo\.jsonl' is damaged"):
        next(samples)


class Noting(MemoryStore):
    """Notes which keys are written durably, and which are not."""

    def __init__(self) -> None:
        super().__init__()
        self.durable: set[str] = set()
        self.fleeting: set[str] = set()

    def put(self, key: str, data: bytes) -> None:
        self.fleeting.add(key)
        super().put(key, data)

    def put_durable(self, key: str, data: bytes) -> None:
        self.durable.add(key)
        super().put(key, data)


def test_what_promises_rest_on_is_written_durably(registry: Registry, home: Path) -> None:  # noqa: ARG001 - nothing is cached outside the test
    """Plan, run, ledger, records of steps, values of artifacts and results; not heartbeats, logs and files."""
    store = Noting()
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline.with_model("echo").with_evaluator("echo-score").run(store=store, registry=registry, progress=Progress())

    durable = {
        name
        for name in ("run.json", "plan.json", "results.json", "artifact.json")
        if any(key.endswith(name) for key in store.durable)
    }
    assert {"run.json", "plan.json", "results.json", "artifact.json"} == durable
    assert any("/ledger/" in key for key in store.durable)
    assert {"prepare.lines.json", "train.echo.bare.lines.json", "compare.json"} <= {
        key.split("/")[-1] for key in store.durable
    }
    assert not any(".started." in key or "/logs/" in key or key.endswith((".html", ".jsonl")) for key in store.durable)
    assert any(key.endswith(".started.json") for key in store.fleeting)


def test_files_are_written_beside_the_others(store: Store, plan: Plan, tmp_path: Path) -> None:
    """Of a folder and those inside it, by their names there."""
    run = Run.create(store, plan)
    (tmp_path / "files" / "inner").mkdir(parents=True)
    (tmp_path / "files" / "a.txt").write_bytes(b"1")
    (tmp_path / "files" / "inner" / "b.txt").write_bytes(b"2")

    run.put_files(tmp_path / "files")

    assert (b"1", b"2") == (run.read("a.txt"), run.read("inner/b.txt"))
