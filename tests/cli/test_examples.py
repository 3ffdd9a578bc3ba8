"""Every example, and the README's program, run for real: on few records, with few steps, on the default model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = {path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".yaml")}
ASSETS = ("smollm2-135m-instruct", "wordnet", "punkt-tab", "minilm")

Run = Callable[..., str]


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


@pytest.mark.slow
def test_quickstart(run: Run) -> None:
    """The quickstart's file on four records: all candidates have all five metrics, and the true encoder is named."""
    small = ["datasets.0.max_test_records=4", "datasets.0.max_train_records=8", "models.1.trainer.max_steps=1"]
    small += ["generation.max_new_tokens=8"]
    overrides = [part for text in small for part in ("--set", text)]

    results = json.loads(
        run("-m", "llmops_sdk.cli.main", "run", str(ROOT / "examples" / "quickstart.yaml"), "--json", *overrides)
    )

    (board,) = results["leaderboards"]
    assert {"base.chat", "base.alpaca", "tuned"} == {cell["candidate"] for cell in board["cells"]}
    for cell in board["cells"]:
        assert {"rougeL", "meteor", "rouge1", "rouge2", "bertscore"} == set(cell["estimates"])
        assert 4 == cell["answered"] == cell["estimates"]["bertscore"]["records"]
    assert "all-MiniLM-L6-v2" in results["evaluators"][0]["provenance"]["bertscore_model"]


@pytest.mark.slow
def test_two_prompts(run: Run, tmp_path: Path) -> None:
    """The script compares two prompts of one model, and writes its report; here on fewer records, with short answers."""
    program = (ROOT / "examples" / "two_prompts.py").read_text(encoding="utf-8")
    (tmp_path / "two_prompts.py").write_text(
        _smaller(program, ("max_test_records=12", "max_test_records=4"), ("max_new_tokens=48", "max_new_tokens=8")),
        encoding="utf-8",
    )
    out = run("two_prompts.py")

    assert "smollm2." in out
    assert (tmp_path / "two-prompts.html").stat().st_size > 10_000


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


# It needs AWS on loopback, and runs there: tests/plugins/sagemaker/test_article_flow.py
RUN_ELSEWHERE = ("llama2_dolly_sagemaker.py",)


def test_every_example_has_a_test() -> None:
    """An example that no test here runs is not an example."""
    here = Path(__file__).read_text(encoding="utf-8")

    assert EXAMPLES
    for name in EXAMPLES:
        assert f'"{name}"' in here
