"""The runs of a store: their list, and the run that a name means."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import attrs
import pytest

from llmops_sdk import Plan, RecordError, Run, RunNotFoundError
from llmops_sdk.record.runs import (
    find_run,
    list_runs,
    new_run_id,
    read_metadata,
    read_record,
    run_exists,
    unreadable_runs,
)
from llmops_sdk.record.stores import Store
from llmops_sdk.values.step_records import Succeeded


def test_runs_are_listed_oldest_first(store: Store, plan: Plan) -> None:
    """With typed metadata; files of other names are no runs."""
    runs = [Run.create(store, plan, run_id=name) for name in ("b", "c", "a")]
    store.put("runs/a/more/run.json", b"{}")

    listed = list_runs(store)

    assert [run.metadata for run in runs] == list(listed)
    assert {"a", "b", "c"} == {run.run for run in listed}


def test_a_name_is_an_id_a_prefix_or_the_latest(store: Store, plan: Plan) -> None:
    """An exact ID wins over a prefix of another one."""
    for name in ("echo", "echo-2", "other-1"):
        Run.create(store, plan, run_id=name)

    assert ["echo", "other-1", "other-1"] == [find_run(store, name) for name in ("echo", "oth", "latest")]
    assert run_exists(store, "echo")
    assert not run_exists(store, "oth")


def test_the_name_of_a_pipeline_is_its_newest_run(store: Store, plan: Plan) -> None:
    """It is a prefix of all its runs, of which the newest is meant."""
    plan = attrs.evolve(plan, name="summaries")
    runs = [Run.create(store, plan).id for _ in range(2)]
    Run.create(store, attrs.evolve(plan, name="other"))

    assert runs[1] == find_run(store, "summaries")


def test_a_name_that_means_no_run_or_several_is_refused(store: Store, plan: Plan) -> None:
    """The error lists the candidates, or the nearest name."""
    with pytest.raises(RunNotFoundError, match=r"there are no runs in .*; start one with: llmops run FILE"):
        find_run(store, "latest")
    for name in ("echo-1", "echo-2"):
        Run.create(store, plan, run_id=name)

    with pytest.raises(RunNotFoundError, match=r"2 runs start with 'ec'; give more characters; .*: echo-1, echo-2"):
        find_run(store, "ec")
    with pytest.raises(RunNotFoundError, match=r"there is no run 'ehco-1' in .*; did you mean 'echo-1'\?"):
        find_run(store, "ehco-1")


def test_a_damaged_run_hides_no_other_and_is_named_with_its_file(store: Store, plan: Plan) -> None:
    """Whether it is no JSON or lacks a field."""
    other = read_metadata(store, Run.create(store, plan).id)
    run = Run.create(store, plan)
    key = f"runs/{run.id}/run.json"
    for data in (b'{"trunc', b'{"schema":2}'):
        store.put(key, data)

        assert (other.run,) == tuple(metadata.run for metadata in list_runs(store))
        (broken,) = unreadable_runs(store)
        assert run.id == broken.run
        assert re.match(rf"the file '.*{run.id}/run\.json' is damaged: ", broken.error)
        with pytest.raises(RecordError):
            read_metadata(store, run.id)


def test_a_run_of_a_later_version_is_refused(store: Store, plan: Plan) -> None:
    """The error has the schemas that this version reads."""
    run = Run.create(store, plan)
    store.put(f"runs/{run.id}/run.json", b'{"schema":3}')

    with pytest.raises(RunNotFoundError, match="has record schema 3; this version of llmops-sdk reads 1 and 2"):
        Run.open(store, run.id)


def test_the_latest_run_does_not_depend_on_the_clock(store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was created after the clock was set back is the latest one, even if the last number was lost."""
    first = Run.create(store, plan)
    store.delete("last-run.json")
    monkeypatch.setattr("llmops_sdk.record.metadata.datetime", _Earlier)
    second = Run.create(store, plan)

    assert second.metadata.created < first.metadata.created
    assert second.id == find_run(store, "latest")


class _Earlier:
    @staticmethod
    def now(_zone: timezone) -> datetime:
        return datetime(2001, 1, 1, tzinfo=timezone.utc)


def test_a_run_knows_the_run_of_its_pipeline_before_it(store: Store, plan: Plan) -> None:
    """Also after the file that notes it was lost; a run of another pipeline is not it."""
    first = Run.create(store, plan)
    other = Run.create(store, attrs.evolve(plan, name="other"))
    second = Run.create(store, plan)
    store.delete("last-run.json")
    third = Run.create(store, plan)

    assert ["", "", first.id, second.id] == [run.metadata.previous for run in (first, other, second, third)]
    assert [1, 2, 3, 4] == [run.metadata.sequence for run in (first, other, second, third)]


def test_a_damaged_step_record_is_none(store: Store, plan: Plan) -> None:
    """The step is run again."""
    run = Run.create(store, plan)
    run.write_record(Succeeded("compare", {}, cached=False, at=1.0, seconds=1.0))
    assert read_record(store, run.id, "compare") is not None

    store.put(f"runs/{run.id}/steps/compare.json", b"{")
    assert read_record(store, run.id, "compare") is None
    assert read_record(store, run.id, "other") is None


def test_a_new_id_is_made_of_the_name_of_the_pipeline() -> None:
    """As part of file names and URIs; no two are the same."""
    first, second = new_run_id("Mine & yours"), new_run_id("Mine & yours")

    assert re.fullmatch(r"mine-yours-\d{8}-\d{6}-[0-9a-f]{4}", first)
    assert first != second
    assert new_run_id("数据").startswith("run-")
