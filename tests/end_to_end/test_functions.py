"""Runs with all four kinds of functions in one file: what is done again after an edit, and where they work."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import llmops_sdk
from llmops_sdk import Pipeline, Progress, Result, SpecError
from llmops_sdk.plugin import Child, Succeeded
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime, default_home

FILE = '''
"""A pipeline in one file."""
from __future__ import annotations

from pathlib import Path

from llmops_sdk import Pipeline, dataset, metric, prompt, target

from helpers.counting import words


@dataset
def tickets(*, path: Path, limit: int = 4):
    for line in path.read_text(encoding="utf-8").splitlines()[:limit]:
        yield {"instruction": line, "response": line}


@prompt
def terse(record):
    return f"In short: {record['instruction']}"


@target
def shout(prompt, *, options):
    return prompt.upper()


@metric(higher_is_better=False)
def brevity(output: str, *, words_at_most: int = 3) -> float:
    """Words beyond the limit."""
    return max(0, words(output) - words_at_most)


if __name__ == "__main__":
    Pipeline.builder().with_evaluator(brevity).run()
'''

SPECIFICATION = """
name: functions
datasets: [{use: "./mine.py:tickets", path: tickets.txt}]
prompts: ["./mine.py:terse"]
models: ["./mine.py:shout"]
evaluators: ["./mine.py:brevity"]
"""

ALL = {"prepare.tickets", "generate.shout", "score.shout.terse.tickets"}
SCORE = {"score.shout.terse.tickets"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder."""
    folder = tmp_path / "project"
    (folder / "helpers").mkdir(parents=True)
    (folder / "helpers" / "__init__.py").touch()
    (folder / "helpers" / "counting.py").write_text(
        "def words(text):\n    return len(text.split())\n", encoding="utf-8"
    )
    (folder / "mine.py").write_text(FILE, encoding="utf-8")
    (folder / "tickets.txt").write_text("one fish\ntwo fish\nred fish\n", encoding="utf-8")
    (folder / "spec.yaml").write_text(SPECIFICATION, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed() -> Registry:
    """The installed plugins."""
    return Registry.load()


@pytest.fixture
def run(folder: Path, installed: Registry, tmp_path: Path) -> Callable[..., Result]:
    """Run the specification of the user's folder."""

    def run(*overrides: str) -> Result:
        pipeline = Pipeline.from_yaml(folder / "spec.yaml", overrides=overrides)
        return pipeline.run(store=tmp_path / "runs", progress=Progress(), registry=installed)

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def done_again(result: Result) -> set[str]:
    """Return the steps before the comparison that reused nothing."""
    records = [result.run.record(step.name) for step in result.run.plan.steps[:-1]]
    return {record.step for record in records if isinstance(record, Succeeded) and not record.cached}


def mean(result: Result) -> float:
    return float(result.leaderboards[0].cells[0].estimates["brevity"].mean)


def test_one_file_has_all_four_kinds(run: Callable[..., Result]) -> None:
    """`IN SHORT: ONE FISH` has one word more than three; options are set as those of plugins; nothing is done twice."""
    first = run()

    assert ALL == done_again(first)
    assert 1.0 == mean(first)
    assert set() == done_again(run())
    assert 2.0 == mean(run("evaluators.0.words_at_most=2"))


@pytest.mark.parametrize(
    ("file", "old", "new", "again"),
    [
        ("mine.py", "- words_at_most)", "- words_at_most) + 1", SCORE),
        ("helpers/counting.py", "len(text.split())", "len(text.split()) + 1", SCORE),
        ("mine.py", "prompt.upper()", "prompt.lower()", ALL - {"prepare.tickets"}),
        ("mine.py", "In short: ", "Briefly: ", ALL - {"prepare.tickets"}),
        ("mine.py", "[:limit]", "[1:limit]", ALL),
        ("tickets.txt", "red fish", "blue fish", ALL),
        ("mine.py", "with_evaluator(brevity).run()", "with_evaluator(brevity).plan()", set()),
    ],
    ids=["metric", "helper of the metric", "target", "prompt", "dataset", "file of an option", "script"],
)
def test_an_edit_repeats_only_what_uses_it(
    run: Callable[..., Result], folder: Path, file: str, old: str, new: str, again: set[str]
) -> None:
    """An edited metric, or a helper of it, scores again and nothing else, although one file has all four kinds."""
    run()
    edit(folder / file, old, new)

    assert again == done_again(run())


def test_a_run_needs_the_files_no_more(
    run: Callable[..., Result], folder: Path, installed: Registry, tmp_path: Path
) -> None:
    """It is resumed with the functions of its plan after they were edited and deleted; another metric is added to it."""
    first = run()
    edit(folder / "mine.py", "- words_at_most)", "+ 100)")
    store = open_store(str(tmp_path / "runs"), installed)
    for step in first.run.plan.steps[1:]:
        first.run.clear_record(step.name)
    for address in [path.name for path in (tmp_path / "runs" / "artifacts" / "scores").iterdir()]:
        first.run.delete_artifact(f"scores/{address}")
    shutil.rmtree(folder)

    resumed = llmops_sdk.resume(first.run.id, store=store, progress=Progress(), registry=installed)

    assert 1.0 == mean(resumed)
    assert SCORE == done_again(resumed) - {"prepare.tickets"}  # that record was kept

    other = tmp_path / "other.py"
    other.write_text(
        "from llmops_sdk import metric\n@metric\ndef length(output):\n    return len(output)\n", encoding="utf-8"
    )
    rescored = llmops_sdk.rescore(
        first.run.id, [f"{other}:length"], store=store, progress=Progress(), registry=installed
    )
    assert {"brevity", "length"} == set(rescored.leaderboards[0].cells[0].estimates)


@pytest.mark.slow
def test_steps_run_in_a_process_of_their_own(run: Callable[..., Result], folder: Path, installed: Registry) -> None:
    """A child process has the functions from the plan alone."""
    first = run()
    run_again = Run.create(first.run.store, first.run.plan.with_fresh(["score"]))
    for step in first.run.plan.steps[:2]:
        record = first.run.record(step.name)
        assert record is not None
        run_again.write_record(record)
    shutil.rmtree(folder)
    runtime = Runtime(installed, default_home(), offline=True, progress=Progress())

    record = Child(run_again, "score.shout.terse.tickets", runtime, environment={"PYTHONPATH": _path()}).wait()

    assert isinstance(record, Succeeded), record
    assert not record.cached


def _path() -> str:
    folders = [str(Path(llmops_sdk.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, folders))


def test_code_names_the_functions_themselves(
    folder: Path, installed: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.with_evaluator(brevity)` means the function in its file, and `to_yaml` names it."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    import mine  # type: ignore[import-not-found]

    del sys.modules["mine"]  # for the other tests of this process; monkeypatch would put it back
    pipeline = (
        Pipeline.builder("code")
        .with_dataset(mine.tickets, path="tickets.txt")
        .with_prompt(mine.terse)
        .with_model(mine.shout)
        .with_evaluator(mine.brevity, words_at_most=2)
    )

    assert "- use: ./mine.py:brevity" in pipeline.to_yaml()
    assert 2.0 == mean(pipeline.run(store=tmp_path / "runs", progress=Progress(), registry=installed))


def test_a_failing_function_shows_its_own_line(folder: Path, installed: Registry) -> None:
    """The run ends; the record that has no score is named, with the file and the line that raised."""
    edit(folder / "mine.py", "    return max(0,", "    assert 'RED' not in output, 'no red'\n    return max(0,")
    messages: list[str] = []

    class Kept(Progress):
        def log(self, message: str) -> None:
            messages.append(message)

    pipeline = Pipeline.from_yaml(folder / "spec.yaml")
    result = pipeline.run(store=folder.parent / "runs", progress=Kept(), registry=installed)

    line = 1 + FILE[: FILE.index("    return max(0,")].count("\n")
    expected = f"metric 'brevity' failed for record 2 ('red fish'): AssertionError: no red (mine.py:{line})"
    samples = list(result.run.samples("shout.terse.tickets"))
    assert [expected] == [sample.score_errors["brevity"] for sample in samples if sample.score_errors]
    assert f"warning: 1 answer without a score of 'brevity'; the first: {expected}" in messages
    assert {"brevity": 1} == result.leaderboards[0].cells[0].unscored


def test_a_script_that_runs_when_it_is_imported_is_refused(folder: Path, installed: Registry) -> None:
    """A pipeline imports the file that has its functions: one line instead of a recursion."""
    edit(folder / "mine.py", 'if __name__ == "__main__":\n    Pipeline', "Pipeline")

    with pytest.raises(SpecError, match=r"'mine.py' builds a pipeline when it is imported.*__main__"):
        Pipeline.from_yaml(folder / "spec.yaml").build(installed)
