"""The commands `run`, `attach` and `score`."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from llmops_sdk.errors import RunInterrupted
from llmops_sdk.pipeline import execution
from llmops_sdk.testing import EchoEndpoint

from .conftest import PIPELINE, Command

if TYPE_CHECKING:
    import pytest


def test_run_shows_the_verdict_and_the_report(llmops: Command, folder: Path) -> None:
    """The table has every candidate; the last lines are the verdict and the path of the report."""
    done = llmops("run", "echoes.yaml")

    assert "loud " in done.out
    assert "loud is the best on lines: quiet is worse. Mean Exact match of loud: 1.000 [" in done.text
    path = Path(done.out.splitlines()[-1].removeprefix("report: "))
    assert (folder / path).is_file()


def test_quiet_prints_the_verdict_only(llmops: Command) -> None:
    """One sentence a dataset on standard output, and no progress."""
    done = llmops("run", "echoes.yaml", "--quiet")

    assert 1 == len(done.out.splitlines())
    assert done.out.startswith("loud is the best on lines")
    assert "" == done.err


def test_json_has_the_results_and_the_report(llmops: Command) -> None:
    """Standard output is one JSON document."""
    results = json.loads(llmops("run", "echoes.yaml", "--json").out)

    assert ["lines"] == [board["dataset"] for board in results["leaderboards"]]
    assert results["report"].endswith("report.html")


def test_a_failed_candidate_is_code_3(llmops: Command, folder: Path) -> None:
    """The others have their results, and the failure is shown with its step."""
    models = [*PIPELINE["models"], {"use": "echo", "name": "tuned", "trainer": {"fails": True}}]
    (folder / "failing.yaml").write_text(yaml.safe_dump({**PIPELINE, "models": models}), encoding="utf-8")

    done = llmops("run", "failing.yaml", code=3)

    assert "tuned has no result: step train.tuned.bare.lines failed: " in done.text
    assert "loud is the best on lines" in done.text


def test_a_data_error_is_code_2(llmops: Command, folder: Path) -> None:
    """A malformed line is reported once, with file and number, before a model is trained or asked."""
    rows = [json.dumps({"instruction": f"{n}", "context": f"text {n}", "response": f"text {n}"}) for n in range(30)]
    (folder / "rows.jsonl").write_text("\n".join([*rows, "{broken"]), encoding="utf-8")
    datasets = [{"use": "jsonl", "path": "rows.jsonl", "test_fraction": 0.3}]
    (folder / "broken.yaml").write_text(yaml.safe_dump({**PIPELINE, "datasets": datasets}), encoding="utf-8")
    EchoEndpoint.asked.clear()

    done = llmops("run", "broken.yaml", code=2)

    assert 1 == done.out.count("line 31 of ")
    assert "rows.jsonl" in done.out
    assert [] == EchoEndpoint.asked


def test_resume_repeats_no_work(llmops: Command) -> None:
    """A finished run that is resumed asks no model again."""
    llmops("run", "echoes.yaml", "-q")
    EchoEndpoint.asked.clear()

    assert "loud is the best on lines" in llmops("run", "--resume", "latest", "-q").out
    assert [] == EchoEndpoint.asked


def test_an_interrupted_run_names_the_command_that_resumes_it(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, and one line with the run."""
    _interrupt_resume(monkeypatch, store="")

    done = llmops("run", "--resume", "latest", code=130)

    assert "stopped\ncompleted work is saved; resume with: llmops run --resume echoes-1\n" == done.err


def test_a_run_in_another_store_is_resumed_there(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names the store unless it is the default one."""
    _interrupt_resume(monkeypatch, store="my runs")

    done = llmops("run", "--resume", "latest", code=130)

    assert "resume with: llmops run --resume echoes-1 --store 'my runs'\n" in done.err


def test_score_adds_an_evaluator_without_calling_a_model(llmops: Command) -> None:
    """The new run has both evaluators' metrics."""
    llmops("run", "echoes.yaml", "-q")
    EchoEndpoint.asked.clear()

    results = json.loads(llmops("score", "-e", "{use: text-metrics, metrics: [token_f1]}", "--json").out)

    assert ["echo-score", "text-metrics"] == [evaluator["name"] for evaluator in results["evaluators"]]
    assert [] == EchoEndpoint.asked


def test_attach_refuses_a_local_run(llmops: Command) -> None:
    """The steps of such a run end with the program that started them."""
    llmops("run", "echoes.yaml", "-q")

    assert "it can neither detach nor attach" in llmops("attach", code=2).err


def _interrupt_resume(monkeypatch: pytest.MonkeyPatch, *, store: str) -> None:
    """Let `resume` end as if Ctrl-C had been pressed."""
    interrupt = RunInterrupted("echoes-1", store)

    def stop(*_arguments: object, **_options: object) -> None:
        raise interrupt

    monkeypatch.setattr(execution, "resume", stop)


def test_quiet_and_json_print_the_reasons_of_failures(llmops: Command, folder: Path) -> None:
    """On standard error, while standard output has the verdict or the JSON only."""
    models = [*PIPELINE["models"], {"use": "echo", "name": "tuned", "trainer": {"fails": True}}]
    (folder / "failing.yaml").write_text(yaml.safe_dump({**PIPELINE, "models": models}), encoding="utf-8")

    for option in ("--quiet", "--json"):
        done = llmops("run", "failing.yaml", option, code=3)

        assert 1 == len(done.out.splitlines())
        assert "candidate 'tuned' on 'lines': step train.tuned.bare.lines failed: " in done.err


def test_a_deciding_metric_without_a_score_is_code_3(llmops: Command, folder: Path) -> None:
    """Each candidate is named, in every form of output; a further metric without a score changes no exit code."""
    unscored = {"use": "text-metrics", "metrics": ["token_f1"], "reference": "nothing"}
    for name, evaluators in (("deciding", [unscored, "echo-score"]), ("further", ["echo-score", unscored])):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**PIPELINE, "evaluators": evaluators}), encoding="utf-8")

    reason = "candidate 'loud' on 'lines': no record has a score of 'token_f1'"
    for option in ("--quiet", "--json"):
        assert reason in llmops("run", "deciding.yaml", option, code=3).err
    assert "nothing can be decided" in llmops("run", "deciding.yaml", code=3).text
    assert "the record has no reference field 'nothing'" in llmops("show", "latest", code=3).text
    llmops("run", "further.yaml", "-q", code=0)


def test_a_run_in_which_all_candidates_failed_is_code_3(llmops: Command, folder: Path) -> None:
    """The reason is printed, with `-q` too."""
    models = [{"use": "echo", "name": "tuned", "trainer": {"fails": True}}]
    (folder / "failing.yaml").write_text(yaml.safe_dump({**PIPELINE, "models": models}), encoding="utf-8")

    assert "error: train.tuned.bare.lines: " in llmops("run", "failing.yaml", code=3).out
    assert "error: step train.tuned.bare.lines failed: " in llmops("run", "failing.yaml", "-q", code=3).err


def test_a_full_disk_is_one_line(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2; it says how to resume the run."""

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.json")

    monkeypatch.setattr(execution, "call_reporters", full)

    done = llmops("run", "echoes.yaml", "-q", code=2)

    assert done.err.startswith("error: the run stopped: No space left on device: 'x.json'; completed work is saved; ")
    assert "resume with: llmops run --resume echoes-" in done.err
    assert 1 == len(done.err.splitlines())


def test_a_store_that_is_a_file_is_one_line(llmops: Command, folder: Path) -> None:
    """Nothing is run."""
    (folder / "store").write_text("", encoding="utf-8")

    assert 1 == len(llmops("run", "echoes.yaml", "--store", "store", code=2).err.splitlines())


def test_score_shows_the_new_metric_with_quiet_too(llmops: Command) -> None:
    """Its means stand before the verdict, which is decided by the run's own metric."""
    llmops("run", "echoes.yaml", "-q")

    done = llmops("score", "-e", "{use: text-metrics, metrics: [token_f1]}", "-q")

    assert done.out.splitlines()[0].startswith("Token F1 (SQuAD) on lines: loud 1.000, quiet ")
    assert "loud is the best on lines: quiet is worse. Mean Exact match of loud" in done.out


def test_a_damaged_run_hides_no_other(llmops: Command, folder: Path) -> None:
    """It is named on standard error by `runs`, `show` and `gc`; the other ones are listed, shown and searched."""
    llmops("run", "echoes.yaml", "-q")
    (kept,) = (folder / "llmops-runs" / "runs").iterdir()
    llmops("run", "echoes.yaml", "-q")
    (broken,) = (path for path in (folder / "llmops-runs" / "runs").iterdir() if path != kept)
    for damaged in ("", '{"sch'):
        (broken / "run.json").write_text(damaged, encoding="utf-8")

        listed = llmops("runs", code=3)
        assert kept.name in listed.out
        assert f"not readable: run {broken.name}: the file" in listed.err
        assert "loud is the best on lines" in llmops("show", "latest").text
        assert f"not searched: run {broken.name}: " in llmops("gc", "--dry-run", code=3).out
        assert "compare" in llmops("logs", "latest").out or not llmops("logs", "latest").err.startswith("Traceback")


def test_a_fresh_step_is_done_again(llmops: Command) -> None:
    """By its name or its kind; the other steps are reused, and a step that does not exist is an error."""
    llmops("run", "echoes.yaml", "-q")
    asked = len(EchoEndpoint.asked)

    llmops("run", "echoes.yaml", "-q", "--fresh", "generate.loud")
    assert asked + 10 == len(EchoEndpoint.asked)
    done = llmops("run", "echoes.yaml", "--fresh", "score")
    assert asked + 10 == len(EchoEndpoint.asked)
    assert "reused   generate.loud" in done.err
    assert "done     score.loud.bare.lines" in done.err
    assert "reused   score.loud.bare.lines" in llmops("run", "echoes.yaml").err

    assert "did you mean 'generate'" in llmops("run", "echoes.yaml", "--fresh", "generat", code=2).err


def _write_scores(folder: Path, **files: list[object]) -> None:
    for name, scores in files.items():
        rows = "".join(f"q{place},{score}\n" for place, score in enumerate(scores))
        (folder / f"{name}.csv").write_text(f"id,score\n{rows}", encoding="utf-8")


def test_compare_shows_a_verdict_that_show_and_report_open(llmops: Command, folder: Path) -> None:
    """Over files of scores; the run is one like any other."""
    _write_scores(folder, old=[0] * 20, new=[1] * 20)

    done = llmops("compare", "old.csv", "newest=new.csv", "--id", "id", "--score", "score")

    assert "newest is the best on records: old is worse." in done.text
    assert "newest is the best on records" in llmops("show").text
    assert Path(llmops("report").out.strip()).is_file()
    assert llmops("compare", "old.csv", "newest=new.csv", "-q").out.startswith("newest is the best on records")


def test_compare_takes_runs_too(llmops: Command) -> None:
    """A candidate of one, by its name."""
    llmops("run", "echoes.yaml", "-q")

    results = json.loads(llmops("compare", "latest:loud", "latest:quiet", "--name", "again", "--json").out)

    assert results["run_id"].startswith("again-")
    assert {"loud", "quiet"} == {cell["candidate"] for cell in results["leaderboards"][0]["cells"]}


def test_compare_takes_what_files_do_not_say(llmops: Command, folder: Path) -> None:
    """Directions, bounds, a baseline, and further options of importers."""
    _write_scores(folder, old=[3] * 20, new=[1] * 20)
    (folder / "old.csv").write_text(
        (folder / "old.csv").read_text().replace("id,score", "key_of_it,score"), encoding="utf-8"
    )
    (folder / "new.csv").write_text(
        (folder / "new.csv").read_text().replace("id,score", "key_of_it,score"), encoding="utf-8"
    )

    files = (
        "compare",
        "old.csv",
        "new.csv",
        "--set",
        "id=key_of_it",
        "--lower-is-better",
        "score",
        "--bounds",
        "score=0:5",
    )
    done = llmops(*files, "--baseline", "old", "--margin", "0.5")

    assert "new is the best on records: old is worse." in done.text


def test_what_compare_cannot_do_is_one_line(llmops: Command, folder: Path) -> None:
    """With exit code 2, and nothing in the store."""
    _write_scores(folder, old=[1], new=["good"])

    for arguments, message in {
        ("old.csv", "new.csv"): "error: the score 'score' of line 2 of 'new.csv': 'good' is no number",
        ("old.csv", "none.csv"): "error: the file 'none.csv' does not exist",
        ("old.csv", "--set", "id"): "--set takes OPTION=VALUE, not 'id'",
        ("old.csv", "--bounds", "score"): "--bounds takes METRIC=LOW:HIGH",
        ("old.csv", "--bounds", "score=1:0"): "error: the bounds of metric 'score' are two finite numbers",
        ("old.csv", "--lower-is-better", "a", "--higher-is-better", "a"): "both name 'a'",
        (): "Missing argument 'SOURCE...'",
    }.items():
        assert message in llmops("compare", *arguments, code=2).err
    assert not (folder / "llmops-runs").exists()
