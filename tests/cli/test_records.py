"""The commands that read the records of runs: `show`, `report`, `runs`, `logs` and `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk import Run
from llmops_sdk.record.local_store import LocalStore

from .conftest import Command


@pytest.fixture(name="run")
def _run(llmops: Command, folder: Path) -> Run:
    """A finished run in the default store."""
    llmops("run", "echoes.yaml", "-q")
    return Run.open(LocalStore(folder / "llmops-runs"), "latest")


def test_show_prints_what_the_run_printed(llmops: Command, run: Run) -> None:
    """A run is named by its ID, by a prefix or as the latest one; by default it is the latest."""
    shown = llmops("show").out

    assert "loud is the best on lines: quiet is worse. Mean Exact match of loud" in " ".join(shown.split())
    for name in (run.id, run.id[:9], "latest"):
        assert shown == llmops("show", name).out
    assert run.id == json.loads(llmops("show", "--json").out)["run_id"]


def test_report_is_written_to_a_file(llmops: Command, run: Run, folder: Path) -> None:
    """It prints the path; a run may be named by its address."""
    assert "out.html\n" == llmops("report", "-o", "out.html").out
    address = f"file://{folder}/llmops-runs/runs/{run.id}"
    assert "again.html\n" == llmops("report", address, "-o", "again.html").out
    assert "<html" in (folder / "again.html").read_text(encoding="utf-8")


def test_several_runs_have_one_report(llmops: Command, run: Run, folder: Path) -> None:
    """In a file of its own, by default one in the working directory; a reporter is called for one run only."""
    llmops("run", "echoes.yaml", "--set", "name=others", "-q")

    assert "report-of-2-runs.html\n" == llmops("report", run.id, "others").out
    assert "both.html\n" == llmops("report", run.id, "others", "-o", "both.html").out
    assert "Report of 2 runs" in (folder / "both.html").read_text(encoding="utf-8")
    assert f"run {run.id!r} is named twice" in llmops("report", run.id, "echoes", code=2).err
    assert "--as is for one run" in llmops("report", run.id, "others", "--as", "table", code=2).err


def test_runs_are_listed_with_their_state(llmops: Command, run: Run) -> None:
    """As JSON with the number of steps that have ended."""
    (line,) = [line for line in llmops("runs").out.splitlines() if run.id in line]
    assert line.split()[-2:] == ["6/6", "finished"]

    (listed,) = json.loads(llmops("runs", "--json").out)
    assert (run.id, 6, 6, "finished") == (listed["run"], listed["steps"], listed["steps_ended"], listed["state"])


def test_a_store_without_runs_says_how_to_start_one(llmops: Command) -> None:
    """That is no error."""
    assert "no runs yet; start one with: llmops run quickstart\n" == llmops("runs").out
    assert [] == json.loads(llmops("runs", "--json").out)


def test_logs_are_listed_and_printed(llmops: Command, run: Run) -> None:
    """An unknown step is a mistake; the message names the nearest one."""
    run.put_log("generate.loud", b"a line\n")

    assert "generate.loud" in llmops("logs").out.splitlines()
    assert "a line\n" == llmops("logs", "latest", "generate.loud").out
    assert "did you mean 'generate.loud'?" in llmops("logs", "latest", "generate.lud", code=2).err
    assert "no step 'nothing'; known: compare, " in llmops("logs", "latest", "nothing", code=2).err


def test_a_step_without_a_log_names_the_reason(llmops: Command) -> None:
    """It logged nothing, or it was reused."""
    llmops("run", "echoes.yaml", "-q")
    (first,) = [run["run"] for run in json.loads(llmops("runs", "--json").out)]
    assert "has no log: it logged nothing" in llmops("logs", first, "compare", code=2).err

    llmops("run", "echoes.yaml", "-q")
    assert f"it was reused, same inputs as in run {first}" in llmops("logs", "latest", "prepare.lines", code=2).err


def test_a_sound_run_and_a_damaged_one(llmops: Command, folder: Path) -> None:
    """The exit code is 3 if something is damaged; a resumed run is sound again."""
    llmops("run", "echoes.yaml", "-q", "--offline")
    assert "sound: 1 runs" in llmops("verify").text
    results = next((folder / "llmops-runs" / "runs").glob("*/results.json"))
    results.write_bytes(results.read_bytes()[:40])

    assert "damaged: results.json of run echoes-" in llmops("verify", "--all", code=3).text
    assert 1 == len(json.loads(llmops("verify", "--json", code=3).out)["damages"])

    llmops("run", "--resume", "latest", "-q", "--offline")
    llmops("verify")


def test_a_reporter_is_called_by_its_name(llmops: Command, run: Run, folder: Path) -> None:
    """With options; standard output has nothing but results, so what was written is on standard error."""
    called = llmops("report", run.id, "--as", "table", "--set", "path=t.jsonl", "--set", "candidates=c.csv")

    assert "" == called.out
    assert ["wrote t.jsonl", "wrote c.csv"] == called.err.splitlines()
    assert 20 * 2 == len((folder / "t.jsonl").read_text(encoding="utf-8").splitlines())


def test_mistakes_about_a_reporter_are_one_line(llmops: Command, run: Run, folder: Path) -> None:  # noqa: ARG001 - it is there
    """And nothing is written."""
    assert "no reporter is called 'tabble'; did you mean 'table'?" in llmops("report", "--as", "tabble", code=2).err
    wrong = llmops("report", "--as", "table", "--set", "path=t.xlsx", code=2)
    assert "path ends with .parquet, .jsonl or .csv, which is the format, not 't.xlsx'" in wrong.err
    assert "an override is written" in llmops("report", "--as", "table", "--set", "path", code=2).err
    assert "--set is for the reporter that --as names" in llmops("report", "--set", "path=a.csv", code=2).err
    assert "-o is for the HTML report" in llmops("report", "--as", "table", "-o", "a.csv", code=2).err
    assert {"echoes.yaml", "llmops-runs", "home"} >= {path.name for path in folder.iterdir()}


# -- explain ----------------------------------------------------------------------------------------


def test_a_step_is_explained_in_sentences(llmops: Command) -> None:
    """The reason, each changed input, and the run that it is compared with."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet", "--set", "generation.max_new_tokens=3")

    done = llmops("explain", "latest", "generate.loud")

    assert "ran generate.loud: the generation options changed since run echoes-" in done.text
    assert "the generation options: max_new_tokens 128 → 3" in done.text
    assert "Compared with run echoes-" in done.text
    assert done.text.endswith("the run of pipeline 'echoes' before it.")


def test_an_explained_run_has_a_line_for_each_step(llmops: Command) -> None:
    """In the order of the plan; the last line names the command with more."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet")

    lines = llmops("explain").out.splitlines()

    assert ["prepare.lines", "generate.loud", "score.loud.bare.lines"] == [
        line.split()[1].rstrip(":") for line in lines[:3]
    ]
    assert {"reused"} == {line.split()[0] for line in lines[:-1]}
    assert lines[-1].startswith("more about a step: llmops explain echoes-")


def test_the_json_of_an_explanation_has_the_changes(llmops: Command) -> None:
    """One object for a step, a list for a run."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet", "--set", "generation.max_new_tokens=3")

    step = json.loads(llmops("explain", "latest", "generate.loud", "--json").out)
    assert ("ran", {"the generation options": "max_new_tokens 128 → 3"}) == (step["state"], step["changes"])
    assert 6 == len(json.loads(llmops("explain", "--json").out))


def test_an_unknown_step_cannot_be_explained(llmops: Command) -> None:
    """With a suggestion."""
    llmops("run", "echoes.yaml", "--quiet")

    assert "did you mean 'generate.loud'?" in llmops("explain", "latest", "generate.loudd", code=2).err
