"""The marks that keep `llmops clean` from a run and from what it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmops_sdk import Run, RunNotFoundError

if TYPE_CHECKING:
    from llmops_sdk import Plan
    from llmops_sdk.record.stores import Store


def test_marks_name_artifacts_until_they_are_cleared(store: Store, plan: Plan) -> None:
    """Each is an empty file of the run."""
    run = Run.create(store, plan)
    run.mark_use(["model/1f", "generations/rehearsal-2a-3b"])

    prefix = f"runs/{run.id}/uses/"
    assert [f"{prefix}generations.rehearsal-2a-3b", f"{prefix}model.1f"] == list(store.list(prefix))
    run.clear_uses()
    assert [] == list(store.list(prefix))


def test_a_run_that_is_freed_or_gone_is_noticed(store: Store, plan: Plan) -> None:
    """Whether its files are still there or not."""
    run = Run.create(store, plan)
    run.check_not_freed()

    store.put(f"runs/{run.id}/freed", b"")
    with pytest.raises(RunNotFoundError, match="run its specification again"):
        run.check_not_freed()

    store.delete(f"runs/{run.id}/")
    with pytest.raises(RunNotFoundError, match=run.id):
        run.check_not_freed()


def test_the_heartbeat_of_a_run_is_that_of_no_step(store: Store, plan: Plan) -> None:
    """It can be removed, and a step's stays."""
    run = Run.create(store, plan)
    run.write_started("", 1.0)
    run.write_started("compare", 2.0)

    assert [1.0, 2.0] == [started.started_at for step in ("", "compare") if (started := run.started(step))]
    run.clear_running()
    assert (None, False) == (run.started(""), run.started("compare") is None)
