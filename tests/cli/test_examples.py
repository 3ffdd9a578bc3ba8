"""Every example: a copy of it, and the commands that its head names.

Those that fine-tune, and the README's program, run on few records with one step. The example of the article needs AWS on
loopback: tests/end_to_end/sagemaker/test_article_flow.py runs it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmops_sdk.cli.catalog import Example, find_example, list_examples
from llmops_sdk.cli.main import main

ROOT = Path(__file__).parents[2]
ASSETS = ("smollm2-135m-instruct", "wordnet", "punkt-tab", "minilm")
TRAINED = ("quickstart", "llama2-dolly-sagemaker", "retrieve-or-tune")
"""The examples that fine-tune: their commands are not typed here as they are."""

SMALLER = (
    "datasets.0.max_test_records=4",
    "datasets.0.max_train_records=8",
    "models.1.trainer.max_steps=1",
    "generation.max_new_tokens=8",
)
"""What makes a specification quick that fine-tunes its second model."""

Run = Callable[..., str]


@pytest.fixture(name="copied")
def _copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the example that the test is about, in a folder of its name."""
    name: str = request.param
    assert 0 == main(["examples", "copy", name, str(tmp_path / name)])
    return tmp_path / name


def _typed() -> Iterator[Example]:
    """Yield the examples whose commands can be typed as they are, in seconds."""
    for example in list_examples():
        if example.name not in TRAINED and example.main.suffix == ".yaml":
            yield example


@pytest.mark.parametrize("copied", [example.name for example in _typed()], indirect=True)
@pytest.mark.usefixtures("home")
def test_the_commands_of_an_example_end_as_it_says(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a copy, without a network; a comment names an exit code other than 0, or the time that a command takes."""
    monkeypatch.chdir(copied)
    monkeypatch.setenv("LLMOPS_OFFLINE", "1")
    for command in find_example(copied.name).commands:
        if "takes minutes" in command:
            continue
        program, *arguments = shlex.split(command, comments=True)
        assert "llmops" == program
        ended = main(arguments)
        printed = capsys.readouterr()
        code = re.search(r"exit code (\d)", command)
        assert int(code[1] if code else 0) == ended, f"{command}\n{printed.out}{printed.err}"


@pytest.fixture(name="run")
def _run(asset: Callable[[str], Path], assets_home: Path, tmp_path: Path) -> Run:
    """Run Python in an empty folder, with the assets at hand and no network."""
    for name in ASSETS:
        asset(name)

    def run(*arguments: str) -> str:
        environment = {**os.environ, "LLMOPS_HOME": str(assets_home), "LLMOPS_OFFLINE": "1"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _smaller_run(run: Run, *arguments: str) -> dict[str, dict[str, object]]:
    """Run a pipeline on four records with one step of training, and return the results of its candidates."""
    overrides = [part for text in SMALLER for part in ("--set", text)]
    results = json.loads(run("-m", "llmops_sdk.cli.main", *arguments, "--json", *overrides))
    (board,) = results["leaderboards"]
    return {cell["candidate"]: cell for cell in board["cells"]}


@pytest.mark.slow
def test_quickstart(run: Run) -> None:
    """All candidates have all five metrics."""
    cells = _smaller_run(run, "examples", "run", "quickstart")

    assert {"base.chat", "base.alpaca", "tuned"} == cells.keys()
    for cell in cells.values():
        assert {"rougeL", "meteor", "rouge1", "rouge2", "bertscore"} == set(cell["estimates"])  # type: ignore[call-overload]
        assert 4 == cell["answered"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # six candidates, two of which are trained
def test_retrieve_or_tune(run: Run) -> None:
    """Four prompts of the base model and two trainings, each on what its prompt retrieves."""
    cells = _smaller_run(run, "examples", "run", "retrieve-or-tune")

    base = {"base.chat", "base.examples", "base.passages", "base.both"}
    assert {*base, "tuned.chat", "tuned.passages"} == cells.keys()
    assert {4} == {cell["answered"] for cell in cells.values()}


@pytest.mark.slow
@pytest.mark.parametrize("copied", ["own-chat-data"], indirect=True)
def test_own_chat_data_is_fine_tuned_on(run: Run, copied: Path) -> None:
    """The second file of the example asks a base model and its fine-tuned version."""
    cells = _smaller_run(run, "run", str(copied / "fine-tune.yaml"))

    assert {"base": 4, "tuned": 4} == {name: cell["answered"] for name, cell in cells.items()}


NOTEBOOK = ROOT / "examples" / "notebook" / "notebook.ipynb"


def test_the_outputs_of_the_notebook_are_those_of_any_run() -> None:
    """Every cell has run, without an error; no output has a path, a time or an ID that differs from run to run."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]

    assert list(range(1, len(cells) + 1)) == [cell["execution_count"] for cell in cells]
    for cell in cells:
        assert {"execute_result", "stream"} >= {output["output_type"] for output in cell["outputs"]}
        assert not re.search(r'"/|/tmp|/home|\d\d:\d\d|-20\d{6}-(?!120000-0000)', json.dumps(cell["outputs"]))


@pytest.mark.slow
def test_the_notebook_prints_what_it_has(needs: Callable[..., None]) -> None:
    """Run again in a Jupyter kernel, all its outputs are the same; `make notebooks` writes them."""
    needs("nbclient", "ipykernel")
    script = ROOT / "scripts" / "notebooks.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr


@pytest.mark.slow
def test_readme_program(run: Run, tmp_path: Path) -> None:
    """The README's ten lines run; here on fewer records, with one step of training and short answers."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    smaller = _smaller(
        program,
        ("max_test_records=10", "max_train_records=8, max_test_records=4"),
        ('"max_steps": 4', '"max_steps": 1'),
        ("max_new_tokens=32", "max_new_tokens=8"),
    )
    (tmp_path / "readme.py").write_text(smaller, encoding="utf-8")

    assert re.search(r"(is the best|has the highest mean ROUGE-L) on sample", run("readme.py"))


def _smaller(program: str, *changes: tuple[str, str]) -> str:
    for number, smaller in changes:
        assert 1 == program.count(number)
        program = program.replace(number, smaller)
    return program
