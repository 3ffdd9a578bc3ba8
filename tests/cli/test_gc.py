"""The commands `gc` and `clean`."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Run
from llmops_sdk.plugin import Resource
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.runs import list_runs

from .conftest import Command

STEP = "generate.loud"


@pytest.fixture(name="run")
def _run(folder: Path, registry: Registry) -> Run:
    """A run whose ledger has a resource."""
    registry._offers.pop(("orphan-finder", "sagemaker"), None)
    plan = Pipeline.from_yaml(folder / "echoes.yaml").build(registry)
    run = Run.create(LocalStore(folder / "llmops-runs"), plan)
    run.add_resource(Resource("endpoint", "name"), STEP)
    return run


def test_a_dry_run_deletes_nothing(llmops: Command, run: Run) -> None:
    """It shows each resource with its run, step and reason; something to delete is exit code 3."""
    done = llmops("gc", "--dry-run", code=3)

    assert re.search(r"^to delete +endpoint name +[\d.]+ s old *$", done.out, re.MULTILINE)
    assert f"run {run.id}, step {STEP}" in done.out
    assert "no process is running its step" in done.out
    assert done.out.rstrip().endswith("1 to delete")
    assert [None] == [entry.deleted for entry in run.ledger()]


def test_the_account_is_listed_and_nothing_deleted(llmops: Command, run: Run) -> None:
    """A ledger is no account: without an orphan finder there is nothing. What decides about deletion is refused."""
    assert "nothing has the tags of a run\n" == llmops("gc", "--account").out
    assert [None] == [entry.deleted for entry in run.ledger()]
    for option in (["--force"], ["--offline"], ["--older-than", "1h"]):
        assert "--account lists what an account has: leave out" in llmops("gc", "--account", *option, code=2).err


def test_deleted_resources_are_listed(llmops: Command, run: Run) -> None:
    """Afterwards there is nothing left, which is exit code 0."""
    assert llmops("gc").out.rstrip().endswith("1 deleted")
    assert all(entry.deleted for entry in run.ledger())
    assert "runs left nothing behind\n" == llmops("gc").out


def test_json_has_the_reason_and_the_error(llmops: Command, run: Run, registry: Registry) -> None:
    """A resource that could not be deleted is exit code 3."""
    registry._offers.pop(("deployer", "echo-endpoint"))

    (item,) = json.loads(llmops("gc", "--json", "--wait", "0s", code=3).out)["leftovers"]

    assert ("failed", "endpoint", run.id) == (item["status"], item["resource"]["kind"], item["run_id"])
    assert "no deployer is called 'echo-endpoint'" in item["error"]


def test_an_empty_store_is_not_created(llmops: Command, folder: Path, registry: Registry) -> None:
    """A search leaves no trace."""
    registry._offers.pop(("orphan-finder", "sagemaker"), None)

    assert "runs left nothing behind\n" == llmops("gc", "--store", "elsewhere").out
    assert not (folder / "elsewhere").exists()


def test_an_age_without_a_unit_is_a_mistake(llmops: Command) -> None:
    """The message has examples."""
    assert "such as '90s', '30m', '2h' or '1.5d', not 'soon'" in llmops("gc", "--older-than", "soon", code=2).err


# -- clean ------------------------------------------------------------------------------------------


@pytest.fixture(name="runs")
def _runs(llmops: Command, folder: Path) -> list[str]:
    """Two runs of one pipeline, of which the second one made its own answers."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet", "--set", "generation.max_new_tokens=3")
    return ids(folder)


def ids(folder: Path) -> list[str]:
    """Return the runs of the store, oldest first."""
    return [run.run for run in list_runs(LocalStore(folder / "llmops-runs"))]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_dry_clean_shows_runs_reasons_and_sizes(llmops: Command, runs: list[str], folder: Path) -> None:
    """It frees nothing, and says what remains."""
    done = llmops("clean", "--keep-last", "1", "--dry-run")

    assert f"to free run {runs[0]}: not among the newest 1 of 'echoes'" in done.text
    assert "to free: 1 run, 7 artifacts: " in done.text
    assert "1 plan; " in done.text
    assert done.text.endswith("remain in the store")
    assert runs == ids(folder)


def test_it_asks_first(llmops: Command, runs: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No is the default; yes frees it, and the bytes are reported."""
    monkeypatch.setattr(sys, "stdin", _Terminal("\n"))
    done = llmops("clean", runs[0])
    assert "Free " in done.text
    assert done.text.endswith("nothing was freed")
    assert runs == ids(folder)

    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    done = llmops("clean", runs[0])
    assert f"freed run {runs[0]}: named" in done.text
    assert "freed " in done.text
    assert "kB: 1 run, 7 artifacts: " in done.text
    assert runs[1:] == ids(folder)


def test_without_a_terminal_the_answer_is_an_option(llmops: Command, runs: list[str], folder: Path) -> None:
    """A script that forgets it frees nothing."""
    done = llmops("clean", "--keep-last", "0", code=2)
    assert "add --yes to free it, or --dry-run" in done.err
    assert runs == ids(folder)

    llmops("clean", "--keep-last", "0", "--yes")
    assert [] == ids(folder)


def test_json_has_all_that_is_freed(llmops: Command, runs: list[str], folder: Path) -> None:
    """And nothing is asked."""
    looked = json.loads(llmops("clean", "--keep-last", "1", "--dry-run", "--json").out)
    assert ({runs[0]: "not among the newest 1 of 'echoes'"}, False) == (looked["runs"], looked["is_done"])

    done = json.loads(llmops("clean", "--keep-last", "1", "--yes", "--json").out)
    assert (looked["size"], True, looked["artifacts"]) == (done["size"], done["is_done"], done["artifacts"])
    assert runs[1:] == ids(folder)


def test_a_named_run_that_is_kept_is_exit_code_3(llmops: Command, runs: list[str], folder: Path) -> None:
    """The reason has the command that helps."""
    run = Run.open(LocalStore(folder / "llmops-runs"), runs[0])
    run.add_resource(Resource("endpoint", "name"), "generate.loud")

    done = llmops("clean", runs[0], "--yes", code=3)
    assert f"kept run {runs[0]}: resources that it created may still exist" in done.text
    assert f"llmops gc --run {runs[0]}" in done.text
    assert "nothing to free; the store has" in done.text
    llmops("clean", "--keep-last", "1", "--yes")
    assert runs == ids(folder)
    llmops("clean", "--max-size", "1kB", "--yes", code=3)


def test_a_store_without_waste_has_nothing_to_free(llmops: Command, runs: list[str]) -> None:
    """Without a choice no run is freed."""
    assert len(runs) == 2
    assert llmops("clean").out.startswith("nothing to free; the store has ")


def test_the_cache_is_freed_alone(llmops: Command, home: Path) -> None:
    """With the size of each asset and how it comes back."""
    (home / "assets" / "wordnet").mkdir(parents=True)
    (home / "assets" / "wordnet" / "data").write_bytes(b"x" * 1500)

    done = llmops("clean", "--cache", "--dry-run")
    assert "assets/wordnet 1.5 kB downloaded again when needed" in done.text
    assert f"1.5 kB to free in {home}" in done.text
    assert llmops("clean", "--cache", "--yes").text.endswith("freed 1.5 kB")
    assert f"nothing to free in {home}" in llmops("clean", "--cache").text
    assert {"is_done": False, "size": 0, "items": []} == json.loads(llmops("clean", "--cache", "--json").out)
    assert "--cache goes with" in llmops("clean", "--cache", "--failed", code=2).err


def test_mistakes_are_one_line(llmops: Command, runs: list[str]) -> None:
    """An age, a size, a run that there is not, and runs both named and chosen."""
    assert "an age is a number and a unit" in llmops("clean", "--older-than", "30", code=2).err
    assert "a size is a number and a unit" in llmops("clean", "--max-size", "big", code=2).err
    assert "there is no run 'nobody'" in llmops("clean", "nobody", code=2).err
    assert "not both" in llmops("clean", runs[0], "--failed", code=2).err
