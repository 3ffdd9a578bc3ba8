"""Locks between processes: one holder at a time, and a dead holder releases it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.locks import locked

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
