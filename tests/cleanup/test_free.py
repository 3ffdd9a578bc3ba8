"""Freeing: exactly what was decided goes, whatever runs meanwhile, and wherever it is stopped."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmops_sdk import LocalStore, Progress, Result, Run, RunNotFoundError, rescore, resume
from llmops_sdk.cleanup import free as free_module
from llmops_sdk.cleanup.contents import read_contents
from llmops_sdk.cleanup.free import free
from llmops_sdk.pipeline.verification import verify_run, verify_store
from llmops_sdk.record.artifacts import is_withdrawn, withdraw_artifact
from llmops_sdk.record.runs import list_runs
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Succeeded

from .conftest import DAY, Cleaner, RunPipeline, files, keys

if TYPE_CHECKING:
    from llmops_sdk import Pipeline
    from llmops_sdk.plugin import Runtime
    from llmops_sdk.record.stores import Store


def assert_sound(store: Store) -> None:
    """Every run of the store has all that it needs, and nothing is damaged."""
    for metadata in list_runs(store):
        verification = verify_run(Run.open(store, metadata.run))
        assert () == verification.damages, verification.damages


def test_a_freed_run_is_gone_with_all_that_only_it_needs(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """What another run needs is as it was; the bytes are those that are gone."""
    store = cleaner.store
    kept = run(pipeline).run
    before, needed = disk_bytes(store), files(store, ("",))
    freed = run(pipeline.with_generation(max_new_tokens=3)).run
    grown = disk_bytes(store)

    done = cleaner.free(runs=(freed.id,))

    assert needed == files(store, ("",))
    assert [kept.id] == [metadata.run for metadata in list_runs(store)]
    assert grown - before == done.size
    assert_sound(store)
    if isinstance(store, LocalStore):
        assert [] == [path for path in store.root.rglob("*") if freed.id in path.name or path.suffix == ".tmp"]
        assert {path.parent.name for path in store.root.glob("artifacts/*/*")} == {
            key.split("/")[1] for key in keys(store, "artifacts/")
        }


def disk_bytes(store: Store) -> int:
    """Return the bytes of a store, of linked files once; without locks and the note of the last run."""
    if not isinstance(store, LocalStore):
        return sum(len(store.get(key) or b"") for key in keys(store))
    paths = [store.root / key for key in keys(store)]
    return sum({path.stat().st_ino: path.stat().st_size for path in paths}.values())


def test_the_locks_of_freed_artifacts_go_too(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """A store that is emptied again and again does not fill up with empty files."""
    run(pipeline)
    cleaner.free(keep_last=0)

    assert set() == keys(cleaner.store)
    if isinstance(cleaner.store, LocalStore):
        locks = {path.name for path in cleaner.store.root.glob("locks/*")}
        assert {"clean.lock", "last-run.json.lock"} == locks


@pytest.mark.parametrize("store", ["local"], indirect=True)
def test_what_an_executor_uploaded_is_freed_with_the_plan(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """A day after the start at the earliest: until then, a run of the plan may be about to be created."""
    store = cleaner.store
    kept, freed = run(pipeline).run, run(pipeline.with_generation(max_new_tokens=3)).run
    for plan in (kept.plan.hash, freed.plan.hash):
        store.put(f"plans/{plan}/ab12/pipeline/workspace.zip", b"wheels")

    cleaner.free(runs=(freed.id,))
    assert {kept.plan.hash, freed.plan.hash} == {key.split("/")[1] for key in keys(store, "plans/")}
    done = cleaner.later(2 * DAY).free()

    assert {f"plans/{kept.plan.hash}/plan.json", f"plans/{kept.plan.hash}/ab12/pipeline/workspace.zip"} == keys(
        store, "plans/"
    )
    assert [freed.plan.hash] == [plan.hash for plan in done.decision.plans]


def test_a_pipeline_runs_again_after_all_of_it_was_freed(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """Nothing remembers what is gone."""
    first = run(pipeline)
    cleaner.free(keep_last=0)

    again = run(pipeline)

    records = [again.run.record(step.name) for step in again.run.plan.steps]
    assert [False] * len(records) == [record.cached for record in records if isinstance(record, Succeeded)]
    assert first.decision().text == again.decision().text
    assert_sound(cleaner.store)


# -- runs that start meanwhile --------------------------------------------------------------------

PARTS = ("_free_runs", "_free_run", "_free_plans", "_free_artifacts", "_withdraw", "_uses_since", "_delete")
"""Parts of the work, before and after each of which another run starts."""

QUICK = {
    ("_free_run", False, "resumed"),
    ("_free_runs", False, "rescored"),
    ("_free_plans", False, "same"),
    ("_withdraw", False, "same"),
    ("_withdraw", True, "same"),
    ("_uses_since", True, "same"),
}
"""The others are slow: there are many of them."""

CASES = [
    pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow)
    for case in itertools.product(PARTS, [False, True], ["same", "resumed", "rescored"])
]


@pytest.mark.parametrize("store", ["memory"], indirect=True)
@pytest.mark.parametrize(("part", "after", "start"), CASES)
def test_a_run_that_starts_meanwhile_has_all_that_it_needs(
    pipeline: Pipeline,
    run: RunPipeline,
    cleaner: Cleaner,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    start: str,
    *,
    after: bool,
) -> None:
    """At each moment: it uses what is left, or makes it again; it never has a record of what is gone."""
    first = run(pipeline)
    stopped = run(pipeline.with_generation(max_new_tokens=3))
    stopped.run.clear_record("compare")
    started: list[Any] = []
    begin: dict[str, Callable[[], Result]] = {
        "same": lambda: run(pipeline),
        "resumed": lambda: resume(
            stopped.run.id, store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress()
        ),
        "rescored": lambda: rescore(
            first.run.id, ["qa-accuracy"], store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress()
        ),
    }

    def start_once() -> None:
        if not started:
            started.append(None)
            try:
                started[0] = begin[start]()
            except RunNotFoundError as exc:  # the run that it resumes or is based on is gone
                started[0] = exc

    original = getattr(free_module._Freeing, part)

    def interrupted(self: Any, *arguments: Any) -> Any:
        if not after:
            start_once()
        result = original(self, *arguments)
        if after:
            start_once()
        return result

    monkeypatch.setattr(free_module._Freeing, part, interrupted)
    cleaner.free(runs=(first.run.id, stopped.run.id))

    assert_sound(cleaner.store)
    if isinstance(started[0], Result):
        assert started[0].decision().best
        assert () == verify_run(Run.open(cleaner.store, started[0].run.id)).damages
    cleaner.free()
    assert_sound(cleaner.store)


def test_runs_and_cleans_at_the_same_time_harm_each_other_never(
    pipeline: Pipeline, tmp_path: Path, runtime: Runtime
) -> None:
    """Two threads run and rescore pipelines that share their work, while a third frees all that it may."""
    store = LocalStore(tmp_path / "runs")
    cleaner = Cleaner(store, runtime)
    is_over = threading.Event()
    problems: list[BaseException] = []

    def work(seed: int) -> None:
        choices = random.Random(seed)
        try:
            for _ in range(4):
                chosen = pipeline.with_generation(max_new_tokens=choices.choice([3, 4]))
                result = chosen.run(store=store, registry=runtime.registry, progress=Progress())
                assert result.decision().best
        except BaseException as exc:  # noqa: BLE001 - shown by the test
            problems.append(exc)

    def clean() -> None:
        try:
            while not is_over.is_set():
                cleaner.free(keep_last=1)
        except BaseException as exc:  # noqa: BLE001 - shown by the test
            problems.append(exc)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    cleaning = threading.Thread(target=clean)
    for thread in (*workers, cleaning):
        thread.start()
    for thread in workers:
        thread.join()
    is_over.set()
    cleaning.join()

    for problem in problems:
        raise problem
    assert_sound(store)
    cleaner.free(keep_last=1)
    assert 1 == len(list_runs(store))
    assert () == verify_store(store).damages


def test_a_run_that_is_about_to_be_freed_is_not_resumed(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """It would lose its record while it runs."""
    done = run(pipeline).run
    done.clear_record("compare")
    cleaner.store.put(f"runs/{done.id}/freed", b"")

    with pytest.raises(RunNotFoundError, match="has just been freed by `llmops clean`"):
        resume(done.id, store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress())
    with pytest.raises(RunNotFoundError, match="has just been freed"):
        rescore(done.id, ["qa-accuracy"], store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress())


def test_a_run_that_is_resumed_between_the_question_and_the_answer_stays(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """The decision was shown to the user, who took his time."""
    done = run(pipeline).run
    done.clear_record("compare")
    decision = cleaner.decide(runs=(done.id,))
    resume(done.id, store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress())

    freed = free(cleaner.store, decision, cleaner.checks)

    (kept,) = freed.decision.kept
    assert "it was worked on meanwhile" == kept.reason
    assert (0, []) == (freed.size, [key for key in keys(cleaner.store) if key.endswith("/freed")])
    assert_sound(cleaner.store)


# -- stopped at any moment ------------------------------------------------------------------------


class KilledError(BaseException):
    """The process is killed."""


class KilledStore(MemoryStore):
    """A store whose process is killed at the write of a given number."""

    writes_left = 1_000_000

    def put(self, key: str, data: bytes) -> None:
        """Write, unless the process is killed before."""
        self._count()
        super().put(key, data)

    def delete(self, prefix: str) -> None:
        """Delete, unless the process is killed before."""
        self._count()
        super().delete(prefix)

    def copied(self, writes_left: int) -> KilledStore:
        """Return a store with the same content."""
        other = KilledStore()
        other._objects = dict(self._objects)
        other.writes_left = writes_left
        return other

    def _count(self) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            raise KilledError


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_that_remains_is_broken(pipeline: Pipeline, runtime: Runtime, stride: int) -> None:
    """After each write, or each 11th: the remaining runs are sound, and a second clean ends where one that is not killed ends."""
    original = KilledStore()

    def run(tokens: int) -> Run:
        return (
            pipeline.with_generation(max_new_tokens=tokens)
            .run(store=original, registry=runtime.registry, progress=Progress())
            .run
        )

    freed, kept, _ = run(3), run(4), run(3)
    choice = {"runs": (freed.id, list_runs(original)[-1].run)}
    expected = original.copied(1_000_000)
    Cleaner(expected, runtime).free(**choice)
    kills = 0
    while True:
        store = original.copied(kills)
        try:
            Cleaner(store, runtime).free(**choice)
        except KilledError:
            kills += stride
        else:
            break
        store.writes_left = 1_000_000
        assert_sound(store)
        assert kept.id in {metadata.run for metadata in list_runs(store)}
        still = tuple(run_id for run_id in choice["runs"] if store.get(f"runs/{run_id}/run.json"))
        Cleaner(store, runtime).free(runs=still)
        assert keys(expected) == keys(store), kills
    assert 50 < kills


def test_a_run_makes_again_what_a_killed_clean_had_withdrawn(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """Some of its files are gone: none of them is taken for one of an interrupted attempt."""
    first = run(pipeline)
    record = first.run.record("generate.quiet")
    assert isinstance(record, Succeeded)
    address = record.artifacts["quiet.bare.lines"]
    assert withdraw_artifact(cleaner.store, address, first.run.id)
    cleaner.store.put(f"artifacts/{address}/segments/1.jsonl", b"what is left\n")

    again = run(pipeline)

    redone = again.run.record("generate.quiet")
    assert isinstance(redone, Succeeded)
    assert not redone.cached
    assert not is_withdrawn(cleaner.store, address)
    assert cleaner.store.get(f"artifacts/{address}/segments/1.jsonl") is None
    assert_sound(cleaner.store)
    assert first.decision().text == again.decision().text


def test_a_second_clean_restores_what_a_kept_run_needs(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """The first one was killed after it had withdrawn an artifact that a run had come to use."""
    done = run(pipeline).run
    addresses = sorted(read_contents(cleaner.store).artifacts)
    before = files(cleaner.store, ("artifacts/",))
    assert all(withdraw_artifact(cleaner.store, address, done.id) for address in addresses)

    cleaner.free()

    assert before == files(cleaner.store, ("artifacts/",))


def test_an_artifact_that_another_run_made_again_is_not_withdrawn(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """Between the decision and the work its maker changed."""
    done = run(pipeline).run
    address = next(iter(read_contents(cleaner.store).artifacts))

    assert not withdraw_artifact(cleaner.store, address, "other-run")
    assert not is_withdrawn(cleaner.store, address)
    assert not withdraw_artifact(cleaner.store, "model/none", done.id)
