"""Locks between processes, and the marks that keep `llmops clean` from a run and from what it uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmops_sdk import Run, RunNotFoundError
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.locks import locked

if TYPE_CHECKING:
    from llmops_sdk import Plan
    from llmops_sdk.record.stores import Store

_HOLDER = """
import sys
from pathlib import Path
from llmops_sdk.record.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "x.lock"


def test_a_free_lock_does_not_wait(path: Path) -> None:
    """And it is free again after the block."""
    waited: list[str] = []

    for _ in range(2):
        with locked(path, waiting=lambda: waited.append("waited")):
            pass

    assert [] == waited
    assert b"" == path.read_bytes()


def test_a_lock_waits_for_its_holder_and_survives_its_death(path: Path) -> None:
    """While another process holds it, `waiting` is called once; a killed holder releases it."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert b"held\n" == holder.stdout.readline()
        waited: list[str] = []

        def waiting() -> None:
            waited.append("waited")
            holder.kill()

        with locked(path, waiting=waiting):
            assert ["waited"] == waited


def test_a_store_claims_what_is_made(tmp_path: Path) -> None:
    """Under the prefix of the artifact; another prefix is free."""
    store, waited = LocalStore(tmp_path), []

    with store.claim("artifacts/a/1"), store.claim("artifacts/a/2", waiting=lambda: waited.append("waited")):
        assert [] == waited


def test_a_shared_lock_has_several_holders(path: Path) -> None:
    """An exclusive one waits for all of them; what `waiting` raises ends the waiting."""

    def refuse() -> None:
        raise TimeoutError

    with (
        locked(path, shared=True),
        locked(path, shared=True, waiting=refuse),
        pytest.raises(TimeoutError),
        locked(path, waiting=refuse),
    ):
        pass
    with locked(path, waiting=refuse):
        pass


def test_a_lock_whose_file_its_holder_deleted_locks_nothing(path: Path) -> None:
    """Who waited for it takes the lock of the new file: there is never more than one holder."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert b"held\n" == holder.stdout.readline()

        def waiting() -> None:
            path.unlink()
            holder.kill()

        with locked(path, waiting=waiting):
            assert path.exists()

            def refuse() -> None:
                raise TimeoutError

            with pytest.raises(TimeoutError), locked(path, waiting=refuse):
                pass


def test_a_store_removes_the_lock_of_what_it_frees(tmp_path: Path) -> None:
    """Its holder does; then the prefix can be claimed again."""
    store = LocalStore(tmp_path)
    with store.claim("artifacts/a/1"):
        store.remove_lock("artifacts/a/1")

    assert [] == list((tmp_path / "locks").iterdir())
    with store.claim("artifacts/a/1"):
        pass


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
