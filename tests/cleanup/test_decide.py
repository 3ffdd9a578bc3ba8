"""What is freed: what no kept run needs, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from llmops_sdk import LocalStore, Progress, Run, rescore
from llmops_sdk.cleanup.contents import read_contents
from llmops_sdk.record.files import sealed
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Succeeded

from .conftest import DAY, Cleaner, RunPipeline

if TYPE_CHECKING:
    from llmops_sdk import Pipeline
    from llmops_sdk.cleanup.decide import Decision


def freed(decision: Decision) -> set[str]:
    """Return the kinds of the artifacts that are freed."""
    return {artifact.kind for artifact in decision.artifacts}


def test_a_complete_store_has_nothing_to_free(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """All of it is needed by a run."""
    run(pipeline)
    decision = cleaner.later(1000 * DAY).decide()

    assert ((), (), (), (), 0) == (decision.runs, decision.artifacts, decision.plans, decision.notes, decision.size)


def test_what_another_run_uses_stays(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """The first of two equal runs made everything, the second uses it: only the record of the first is freed."""
    first, second = run(pipeline).run, run(pipeline).run

    decision = cleaner.decide(runs=(first.id,))

    assert [first.id] == [candidate.run.id for candidate in decision.runs]
    assert ((), ()) == (decision.artifacts, decision.plans)
    both = cleaner.decide(runs=(first.id, second.id))
    assert {"data", "model", "generations", "probes", "scores", "samples", "results"} == freed(both)
    assert 1 == len(both.plans)


def test_the_answers_that_a_rescored_run_is_based_on_stay(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """The run that asked for them is freed; its own scores, which the other one reuses, stay too."""
    first = run(pipeline).run
    rescore(first.id, ["qa-accuracy"], store=cleaner.store, registry=cleaner.runtime.registry, progress=Progress())

    assert {"results", "samples"} == freed(cleaner.decide(runs=(first.id,)))


def test_a_run_that_was_stopped_keeps_the_one_before(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """It would reuse that run's work once it is resumed; if both are freed, both go."""
    first = run(pipeline).run
    stopped = Run.create(cleaner.store, pipeline.build(cleaner.runtime.registry))
    later = cleaner.later(20)

    decision = later.decide(runs=(first.id,))

    assert () == decision.runs
    (kept,) = decision.kept
    assert (first.id, f"run {stopped.id!r} is not finished, and reuses its work") == (
        kept.run,
        kept.reason.partition(";")[0],
    )
    assert 2 == len(later.decide(runs=(first.id, stopped.id)).runs)


def test_what_a_stopped_step_left_stays_while_its_run_can_be_resumed(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """An artifact without its value; once no run has such a step to do, it is freed."""
    done = run(pipeline).run
    cleaner.store.put(f"artifacts/generations/{'0' * 64}/segments/1.jsonl", b"{}\n")
    assert {"generations"} == freed(cleaner.decide())

    record = done.record("generate.quiet")
    done.clear_record("generate.quiet")
    assert set() == freed(cleaner.decide())

    assert isinstance(record, Succeeded)
    done.write_record(attrs.evolve(record, pending=1))
    assert set() == freed(cleaner.decide())


def test_an_artifact_that_a_failed_step_finished_stays(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """No record names it, but its maker is kept."""
    done = run(pipeline).run
    done.finish_artifact(f"scores/{'1' * 64}", done.metadata)

    assert set() == freed(cleaner.decide())


def test_artifacts_of_runs_that_are_gone_are_freed(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Somebody deleted the folder of the run."""
    done = run(pipeline).run
    cleaner.store.delete(f"runs/{done.id}/")

    decision = cleaner.decide()

    assert ({"data", "model", "generations", "probes", "scores", "samples", "results"}, 1) == (
        freed(decision),
        len(decision.plans),
    )
    assert 0 < decision.size == sum(len(cleaner.store.get(key) or b"") for key in _keys(cleaner))


def _keys(cleaner: Cleaner) -> list[str]:
    return [key for weight in read_contents(cleaner.store).weights for key in weight.keys]


def test_nothing_is_freed_of_which_a_damaged_run_may_need_something(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """The runs are; the note names the damaged one and what can be done."""
    first = run(pipeline).run
    broken = run(pipeline.with_generation(max_new_tokens=3)).run
    cleaner.store.put(f"runs/{broken.id}/steps/generate.quiet.json", b"{")

    decision = cleaner.decide(runs=(first.id,))

    assert ([first.id], (), ()) == ([one.run.id for one in decision.runs], decision.artifacts, decision.plans)
    (note,) = decision.notes
    assert f"while run {broken.id!r} cannot be read" in note
    assert {"generations"} <= freed(cleaner.decide(runs=(first.id, broken.id)))


def test_the_oldest_runs_go_until_the_store_is_small_enough(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """No more of them than needed; what they share with the others counts for nothing."""
    runs = [run(pipeline.with_generation(max_new_tokens=number)).run.id for number in (3, 4, 5)]
    all_of_it = cleaner.decide().remaining
    one = cleaner.decide(runs=(runs[0],))
    two = cleaner.decide(runs=(runs[0], runs[1]))

    assert () == cleaner.decide(max_size=all_of_it).runs
    assert [runs[0]] == [each.run.id for each in cleaner.decide(max_size=all_of_it - 1).runs]
    assert [runs[0]] == [each.run.id for each in cleaner.decide(max_size=one.remaining).runs]
    assert runs[:2] == [each.run.id for each in cleaner.decide(max_size=one.remaining - 1).runs]
    assert runs == [each.run.id for each in cleaner.decide(max_size=two.remaining - 1).runs]
    assert runs == [each.run.id for each in cleaner.decide(max_size=0).runs]


def test_prepared_data_stay_while_a_run_may_be_about_to_start(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """Beside a plan without a run; a day later, and where the store knows that, they are freed."""
    done = run(pipeline).run
    done.share_prepared("prepare.lines")
    cleaner.store.delete(f"runs/{done.id}/")

    assert "data" not in freed(cleaner.decide())
    assert () == cleaner.decide().plans
    later = cleaner.later(2 * DAY).decide()
    assert isinstance(cleaner.store, LocalStore) == ("data" in freed(later)) == (len(later.plans) == 1)


def test_what_is_left_of_a_run_goes_once_it_is_old(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """A folder without `run.json` may be that of a run that is about to exist; what an earlier clean left is not."""
    done = run(pipeline).run
    cleaner.store.delete(f"runs/{done.id}/run.json")
    assert ((), set()) == (cleaner.decide().remnants, freed(cleaner.decide()))

    later = cleaner.later(2 * DAY).decide()
    assert isinstance(cleaner.store, LocalStore) == (len(later.remnants) == 1)

    cleaner.store.put(f"runs/{done.id}/freed", b"")
    decision = cleaner.decide()
    assert ([done.id], True) == ([one.id for one in decision.remnants], "model" in freed(decision))


def test_a_run_of_a_later_version_keeps_all_artifacts(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """What it needs is not known."""
    done = run(pipeline).run
    metadata = {**to_json(done.metadata), "run": "future-1", "schema": 99}
    cleaner.store.put("runs/future-1/run.json", sealed(metadata))

    decision = cleaner.decide(keep_last=0)

    assert ([done.id], ()) == ([one.run.id for one in decision.runs], decision.artifacts)
    assert "record schema 99" in decision.notes[0]
