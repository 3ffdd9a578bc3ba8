"""What users get of a clean: numbers by kind, reasons by run, and whether all was freed that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cleanup.cleanup import Cleanup
from llmops_sdk.plugin import Resource

from .conftest import Cleaner, RunPipeline

if TYPE_CHECKING:
    from llmops_sdk import Pipeline


def test_a_cleanup_counts_what_a_decision_frees(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Before it is done and afterwards."""
    done = run(pipeline).run
    preview = Cleanup.of(cleaner.decide(runs=(done.id,)))
    freed = cleaner.free(runs=(done.id,))
    cleanup = Cleanup.of(freed.decision, freed=freed.size)

    assert {done.id: "named"} == preview.runs == cleanup.runs
    assert (False, True) == (preview.is_done, cleanup.is_done)
    assert preview.size == cleanup.size > 0
    assert 0 == cleanup.remaining
    assert {"data": 1, "model": 1, "generations": 2, "probes": 2} == {
        kind: cleanup.artifacts[kind] for kind in ("data", "model", "generations", "probes")
    }
    assert set(cleanup.artifacts) == set(cleanup.artifact_sizes)
    assert (1, True, False) == (cleanup.plans, cleanup.is_complete, cleanup.is_empty)
    assert Cleanup.of(cleaner.decide()).is_empty


def test_it_is_not_complete_if_a_named_run_or_too_much_remains(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """A run that was chosen by its age alone may stay."""
    done = run(pipeline).run
    done.add_resource(Resource("endpoint", "name"), "generate.quiet")

    named = Cleanup.of(cleaner.decide(runs=(done.id,)))
    aged = Cleanup.of(cleaner.decide(keep_last=0))

    assert (False, True) == (named.is_complete, aged.is_complete)
    assert "llmops gc" in aged.kept[done.id]
    assert not Cleanup.of(cleaner.decide(max_size=1), max_size=1).is_complete
