"""The command line as a user meets it: a process, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from llmops_sdk import Pipeline
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.runs import Run
from llmops_sdk.values.plan import Plan

ROWS = "".join(
    json.dumps({"instruction": f"repeat {number}", "context": f"text {number}", "response": f"text {number}"}) + "\n"
    for number in range(30)
)


def llmops(folder: Path, *arguments: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `llmops` in a folder; the exit code must be the one expected."""
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home"), **variables}
    command = [sys.executable, "-m", "llmops_sdk.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "no specification file and no example 'nosuch'; known: "),
        (["run", "quickstar"], "did you mean 'quickstart'?"),
        (["run", "missing.yaml"], "there is no specification file 'missing.yaml'"),
        (["run"], "name a specification file or example"),
        (["run", "--resume", "latest"], "there are no runs in "),
        (["run", "--resume", "latest", "--set", "a=b"], "--set are for new runs"),
        (["run", "quickstart", "--set", "models.0.use=smolm"], "no model is called 'smolm'; did you mean 'smollm2'?"),
        (["run", "quickstart", "--on", "cloud"], "no executor is called 'cloud'"),
        (["plan", "quickstart", "--set", "models.1.trainer.stps=3"], "no option 'stps'; did you mean 'max_steps'?"),
        (["show"], "make one with: llmops run FILE"),
        (["plugins", "metric"], "a kind is one of dataset, prompt, model"),
        (["assets", "get", "wordnett"], "no asset is called 'wordnett'; did you mean 'wordnet'?"),
        (["examples", "show", "quick"], "did you mean 'quickstart'?"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    """What the user can mend is told without a traceback, and nothing is left behind."""
    done = llmops(tmp_path, *arguments, code=2)

    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "llmops-runs").exists()


def test_plan_shows_every_default(tmp_path: Path) -> None:
    """A one-model file plans with all defaults said; as JSON it is the plan itself."""
    (tmp_path / "one.yaml").write_text("models: [smollm2]\n", encoding="utf-8")

    shown = llmops(tmp_path, "plan", "one.yaml").stdout
    plan = Plan.from_json(json.loads(llmops(tmp_path, "plan", "one.yaml", "--json").stdout))

    for default in ("dolly", "category='summarization'", "alpaca", "rank=16", "max_new_tokens=128", "rougeL"):
        assert default in " ".join(shown.split())
    assert Pipeline.from_yaml(tmp_path / "one.yaml").build() == plan


def test_data_errors_end_the_run_in_prepare(tmp_path: Path) -> None:
    """A malformed line is told with file and number, before anything is trained or asked; it is the user's to mend."""
    (tmp_path / "rows.jsonl").write_text(ROWS + "{broken\n", encoding="utf-8")
    spec: dict[str, object] = {"datasets": [{"use": "jsonl", "path": "rows.jsonl", "test_fraction": 0.3}]}
    spec |= {"models": [{"use": "huggingface", "weights": "none/such"}], "evaluators": ["qa-accuracy"]}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")

    done = llmops(tmp_path, "run", "spec.yaml", code=2, HF_HUB_OFFLINE="1")

    assert 1 == done.stdout.count("line 31 of ")
    assert "rows.jsonl" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_schema_accepts_the_examples_and_refuses_slips(tmp_path: Path) -> None:
    """The JSON schema for editors knows every shipped plugin's options."""
    schema = json.loads(llmops(tmp_path, "plugins", "--schema").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    example = yaml.safe_load((Path(__file__).parents[2] / "examples" / "quickstart.yaml").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    assert [] == list(validator.iter_errors(example))
    example["models"][1]["trainer"]["max_stepz"] = 1
    assert [] != list(validator.iter_errors(example))


def test_doctor_looks_and_changes_nothing(tmp_path: Path) -> None:
    """Every check answers in a line; a missing asset is said with what to type."""
    done = llmops(tmp_path, "doctor", code=0)

    assert "torch" in done.stdout
    assert "llmops assets get" in done.stdout
    assert not (tmp_path / "home").exists()


def test_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`llmops plugins | head -1` ends quietly."""
    command = f"{sys.executable} -m llmops_sdk.cli.main plugins | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert "dataset" in done.stdout
    assert "Traceback" not in done.stderr


def test_runs_show_logs_report(tmp_path: Path) -> None:
    """A run's record is read by its id, a beginning of it, or as the latest."""
    (tmp_path / "rows.jsonl").write_text(ROWS, encoding="utf-8")
    spec = {"name": "r", "datasets": [{"use": "jsonl", "path": "rows.jsonl", "test_fraction": 0.3}]}
    spec |= {"models": [{"use": "huggingface", "weights": "none/such", "fine_tune": False}]}
    spec |= {"evaluators": [{"use": "qa-accuracy"}]}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    llmops(tmp_path, "run", "spec.yaml", "--quiet", code=3, HF_HUB_OFFLINE="1")
    run = Run.open(LocalStore(tmp_path / "llmops-runs"), "latest")

    assert run.id in llmops(tmp_path, "runs").stdout
    assert [run.id] == [metadata["run"] for metadata in json.loads(llmops(tmp_path, "runs", "--json").stdout)]
    assert "none/such" in " ".join(llmops(tmp_path, "show", run.id[:6]).stdout.split())
    assert "generate.huggingface" in llmops(tmp_path, "logs").stdout
    assert "none/such" in llmops(tmp_path, "logs", "latest", "generate.huggingface").stdout
    assert "did you mean 'generate.huggingface'" in llmops(tmp_path, "logs", "latest", "generate", code=2).stderr
    assert llmops(tmp_path, "report", "-o", "out.html").stdout == "out.html\n"
    address = f"file://{tmp_path}/llmops-runs/runs/{run.id}"
    assert llmops(tmp_path, "report", address, "-o", "again.html").stdout == "again.html\n"
    assert "<html" in (tmp_path / "out.html").read_text(encoding="utf-8")
