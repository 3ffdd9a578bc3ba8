"""Result files that the tools themselves write, of models on loopback; `make check-importers` installs the tools and runs this.

The same two models are asked the same questions by all tools. Their answers, and so their scores, are known.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from llmops_sdk.assets.environments import environment_python
from llmops_sdk.steps.runtime import default_home

from .stub import QUESTIONS, answer, serving

pytestmark = [pytest.mark.importers, pytest.mark.timeout(1800)]

TOOLS = Path(__file__).parent / "tools"
MODELS = ("strong", "weak")
ENVIRONMENTS = Path(os.environ.get("LLMOPS_IMPORTERS", "none"))
FMEVAL = {
    "PARALLELIZATION_FACTOR": "1",
    "DISABLE_FMEVAL_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""FMEval's settings: one worker that does not wait for every other program, and no looking for credentials of AWS."""
SCORES = {
    model: {row["id"]: float(answer(model, row["question"]) == row["answer"]) for row in QUESTIONS} for model in MODELS
}


def python(tool: str) -> str:
    """Return the interpreter of a tool's environment."""
    return str(ENVIRONMENTS / tool / "bin" / "python")


def call(command: list[str], folder: Path, **variables: str) -> str:
    """Run a tool offline in a folder, and return what it prints; what it reports is in the error."""
    environment = {
        **os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "OPENAI_API_KEY": "none",
        **variables,
    }  # fmt: skip
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return done.stdout


@attrs.frozen
class Work:
    """Where the tools work.

    Attributes:
        folder: The folder, with the questions.
        url: The models' address.
    """

    folder: Path
    url: str


@pytest.fixture(name="work", scope="module")
def _work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    folder = tmp_path_factory.mktemp("work")
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    with (folder / "questions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "answer"])
        writer.writeheader()
        writer.writerows(QUESTIONS)
    for path in TOOLS.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with serving() as url:
        yield Work(folder, url)


@pytest.fixture(name="lm_eval", scope="module")
def _lm_eval(work: Work) -> dict[str, Path]:
    """The folder of each model's results of lm-evaluation-harness."""
    for model in MODELS:
        arguments = f"model={model},base_url={work.url}/chat/completions,num_concurrent=1,max_retries=1"
        call(
            [
                python("lm-eval"), "-m", "lm_eval", "run", "--model", "local-chat-completions", "--model_args", arguments,
                "--apply_chat_template", "--include_path", ".", "--tasks", "capitals", "--output_path", "lm-eval", "--log_samples",
            ],
            work.folder,
        )  # fmt: skip
    return {model: work.folder / "lm-eval" / model for model in MODELS}


@pytest.fixture(name="inspect", scope="module")
def _inspect(work: Work) -> dict[str, Path]:
    """Each model's log of Inspect; `broken` fails to answer one question."""
    found = {}
    for model in (*MODELS, "broken"):
        call(
            [
                python("inspect"), "-m", "inspect_ai", "eval", "inspect_capitals.py", "--model", f"openai-api/stub/{model}",
                "--log-dir", f"inspect-{model}", "--temperature", "0", "--max-tokens", "12", "--display", "plain",
                "--no-fail-on-error", *(["--log-format", "json"] if model == "broken" else []),
            ],
            work.folder,
            STUB_BASE_URL=work.url,
            STUB_API_KEY="none",
        )  # fmt: skip
        (found[model],) = (
            path for path in (work.folder / f"inspect-{model}").iterdir() if path.suffix in (".eval", ".json")
        )
    return found


@pytest.fixture(name="promptfoo", scope="module")
def _promptfoo(work: Work) -> Path:
    """The results of promptfoo, of both models."""
    program = ENVIRONMENTS / "promptfoo" / "node_modules" / ".bin" / "promptfoo"
    config = yaml.safe_load((TOOLS / "promptfooconfig.yaml").read_text())
    for provider in config["providers"]:
        provider["config"]["apiBaseUrl"] = work.url
    (work.folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    command = [
        str(program),
        "eval",
        "--no-cache",
        "--no-table",
        "--no-progress-bar",
        "-o",
        "promptfoo.json",
        "-o",
        "promptfoo.jsonl",
    ]
    done = subprocess.run(
        command, check=False, cwd=work.folder, capture_output=True, text=True,
        env={**os.environ, "PROMPTFOO_CONFIG_DIR": str(work.folder / "config"), "PROMPTFOO_DISABLE_TELEMETRY": "1",
             "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return work.folder / "promptfoo.json"


@pytest.fixture(name="mlflow", scope="module")
def _mlflow(work: Work) -> dict[str, Path]:
    """The folder of each model with its tables of MLflow."""
    for model in MODELS:
        call([python("mlflow"), "mlflow_capitals.py", work.url, model, f"mlflow-{model}"], work.folder)
    return {model: work.folder / f"mlflow-{model}" for model in MODELS}


@pytest.fixture(name="fmeval", scope="module")
def _fmeval(work: Work) -> dict[str, Path]:
    """The folder of each model with its output of FMEval."""
    program = environment_python(default_home() / "assets" / "fmeval")
    files = []
    for model in MODELS:
        rows = [{**row, "output": answer(model, row["question"])} for row in QUESTIONS]
        files.append(work.folder / f"{model}.jsonl")
        files[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = work.folder / "fmeval"
    call([str(program), "fmeval_capitals.py", str(folder), *map(str, files)], work.folder, **FMEVAL)
    return {model: folder / model for model in MODELS}


def compare(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Compare sources with `llmops compare` in Inspect's environment, which has its library."""
    command = [python("inspect"), "-m", "llmops_sdk.cli.main", "compare", *map(str, arguments), "--json"]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)


def board(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one leaderboard of a comparison or a run."""
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["leaderboards"]
    return dict(found)


def means(found: Mapping[str, Any], metric: str) -> dict[str, float]:
    """Return the mean of each candidate."""
    return {cell["candidate"]: cell["estimates"][metric]["mean"] for cell in found["cells"]}


def numbers(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a verdict rests on and states, without the metric's label and other metrics."""
    verdict = {
        name: found["verdict"][name] for name in ("best", "settled", "tied", "worse", "best_interval", "detectable")
    }
    differences = [each for each in found["differences"] if each["metric"] == found["metric"]]
    return {"verdict": verdict, "pairs": found["pairs"], "differences": differences}


def run_ourselves(work: Work, models: Mapping[str, str]) -> dict[str, Any]:
    """Ask the models and score their answers in a run of our own.

    Args:
        work: Where.
        models: Name of the candidate to the model that it asks.
    """
    records = work.folder / "records.jsonl"
    records.write_text(
        "".join(json.dumps({"instruction": row["question"], "response": row["answer"]}) + "\n" for row in QUESTIONS)
    )
    pipeline = {
        "name": "own",
        "datasets": [{"use": "jsonl", "path": str(records), "name": "capitals"}],
        "models": [
            {"use": "openai-compatible", "name": name, "base_url": work.url, "model": model}
            for name, model in models.items()
        ],
        "generation": {"max_new_tokens": 12, "temperature": 0},
        "evaluators": [{"use": "qa-accuracy", "metrics": ["exact_match"]}],
    }
    (work.folder / "own.json").write_text(json.dumps(pipeline))
    command = [sys.executable, "-m", "llmops_sdk.cli.main", "run", "own.json", "--json"]
    return board(subprocess.run(command, check=False, cwd=work.folder, capture_output=True, text=True))


@pytest.fixture(name="sources", scope="module")
def _sources(
    lm_eval: dict[str, Path], inspect: dict[str, Path], promptfoo: Path, mlflow: dict[str, Path]
) -> dict[str, list[str]]:
    """What is compared of each tool: both models."""
    return {
        "lm-eval": [f"{model}={lm_eval[model]}" for model in MODELS],
        "inspect": [f"{model}={inspect[model]}" for model in MODELS],
        "promptfoo": [str(promptfoo)],
        "promptfoo, one a line": [str(promptfoo.with_suffix(".jsonl"))],
        "mlflow": [f"{model}={next(mlflow[model].glob('artifacts/*/artifacts'))}" for model in MODELS],
        **{
            f"mlflow, {suffix}": [f"{model}={mlflow[model] / f'{model}.{suffix}'}" for model in MODELS]
            for suffix in ("json", "csv")
        },
    }  # fmt: skip


def test_the_verdict_on_each_tools_files_is_that_of_our_own_run(work: Work, sources: dict[str, list[str]]) -> None:
    """The same answers get the same scores, so means, differences, p-values and verdict are equal."""
    own = run_ourselves(work, {model: model for model in MODELS})
    assert {model: sum(SCORES[model].values()) / len(QUESTIONS) for model in MODELS} == means(own, "exact_match")

    found = {tool: board(compare(work.folder, *paths, "--decide-by", "exact_match")) for tool, paths in sources.items()}

    assert {tool: numbers(own) for tool in sources} == {tool: numbers(one) for tool, one in found.items()}


def test_files_of_four_tools_are_compared_in_one_command(
    work: Work, lm_eval: dict[str, Path], inspect: dict[str, Path], promptfoo: Path, mlflow: dict[str, Path]
) -> None:
    """Their records are paired by what was asked; the verdict on five candidates is that of our own run."""
    done = compare(
        work.folder, f"harness={lm_eval['strong']}", f"inspect={inspect['weak']}", f"promptfoo={promptfoo}",
        f"mlflow={mlflow['strong'] / 'strong.json'}", "--id", "instruction", "--decide-by", "exact_match",
    )  # fmt: skip

    models = {
        "harness": "strong",
        "inspect": "weak",
        "promptfoo-strong": "strong-2",
        "promptfoo-weak": "weak-2",
        "mlflow": "strong-3",
    }
    assert numbers(run_ourselves(work, models)) == numbers(board(done))


def test_fmevals_scores_are_compared(work: Work, fmeval: dict[str, Path]) -> None:
    """The folder names the model."""
    found = board(compare(work.folder, *fmeval.values(), "--decide-by", "factual_knowledge"))

    assert {model: sum(SCORES[model].values()) / len(QUESTIONS) for model in MODELS} == means(
        found, "factual_knowledge"
    )


def test_a_sample_that_failed_is_missing(work: Work, inspect: dict[str, Path]) -> None:
    """Inspect keeps the error; the other candidate's answer to it counts nowhere."""
    found = board(compare(work.folder, f"strong={inspect['strong']}", f"broken={inspect['broken']}"))

    assert {"strong": 0, "broken": 1} == {cell["candidate"]: cell["missing"] for cell in found["cells"]}
    assert len(QUESTIONS) - 1 == found["pairs"][0]["difference"]["estimate"]["records"]


def test_files_that_are_cut_off_are_refused_in_one_line(
    work: Work, lm_eval: dict[str, Path], inspect: dict[str, Path], promptfoo: Path, mlflow: dict[str, Path]
) -> None:
    """Nothing is left in the store."""
    (samples,) = lm_eval["weak"].glob("samples_*.jsonl")
    (table,) = mlflow["weak"].glob("artifacts/*/artifacts/*.json")
    for file in (samples, inspect["weak"], inspect["broken"], promptfoo, table):
        cut = work.folder / "cut" / file.name
        cut.parent.mkdir(exist_ok=True)
        cut.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])

        done = compare(work.folder, f"a={cut}", f"b={cut}", "--store", "empty")

        assert (2, 1) == (done.returncode, len(done.stderr.strip().splitlines())), done.stderr
        assert not list((work.folder / "empty" / "runs").glob("*"))
