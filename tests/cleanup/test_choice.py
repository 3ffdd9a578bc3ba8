"""Which runs are chosen: by age, number, failure, name, and combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmops_sdk import SpecError
from llmops_sdk.cleanup.choice import Choice
from llmops_sdk.cleanup.contents import read_contents

from .conftest import DAY, Cleaner, RunPipeline

if TYPE_CHECKING:
    from llmops_sdk import Pipeline


def chosen(cleaner: Cleaner, **choice: object) -> list[str]:
    """Return the IDs of the runs that are chosen."""
    runs = list(read_contents(cleaner.store).runs.values())
    return [candidate.run.id for candidate in Choice(**choice).candidates(runs, cleaner.now)]  # type: ignore[arg-type]


def test_without_a_choice_no_run_is_freed(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Whatever its age."""
    run(pipeline)

    assert [] == chosen(cleaner.later(1000 * DAY))


def test_runs_are_chosen_by_when_they_were_last_worked_on(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """The oldest first."""
    runs = [run(pipeline).run.id for _ in range(2)]

    assert [] == chosen(cleaner, older_than=DAY)
    assert runs == chosen(cleaner.later(2 * DAY), older_than=DAY)


def test_the_newest_runs_of_each_pipeline_are_kept(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Of another pipeline others are the newest."""
    first, second = (run(pipeline).run.id for _ in range(2))
    from llmops_sdk import Pipeline as Builder

    other = Builder.builder("other").with_dataset("lines").with_prompt("bare")
    other = other.with_model("echo", voice="direct-loud", fine_tune=False).with_evaluator("echo-score")
    (third,) = (run(other).run.id,)

    assert [first] == chosen(cleaner, keep_last=1)
    assert [] == chosen(cleaner, keep_last=2)
    assert [first, second, third] == chosen(cleaner, keep_last=0)
    assert [first] == chosen(cleaner.later(2 * DAY), keep_last=1, older_than=DAY)
    assert [] == chosen(cleaner, keep_last=1, older_than=DAY)


def test_failed_means_that_no_candidate_has_a_result(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """A run in which one of two candidates failed has one; a run that was stopped has none."""
    half = run(pipeline.with_model("echo", name="dead", voice="mute", fine_tune=False))
    stopped = run(pipeline.with_generation(max_new_tokens=3))
    cleaner.store.delete(f"runs/{stopped.run.id}/results.json")
    stopped.run.clear_record("compare")

    assert {"dead"} == {cell.candidate for cell in half.failures}
    assert [stopped.run.id] == chosen(cleaner, failed=True)


def test_named_runs_exclude_other_choices() -> None:
    """It would be unclear whether both or either must apply."""
    with pytest.raises(SpecError, match="not both"):
        Choice(runs=("a",), failed=True)
    with pytest.raises(SpecError, match="0 or more, not -1"):
        Choice(keep_last=-1)
