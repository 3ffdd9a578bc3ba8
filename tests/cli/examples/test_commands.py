"""The commands that copy and run an example."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmops_sdk.cli import catalog
from llmops_sdk.cli.catalog import find_example

from ..conftest import Command


def test_a_copy_can_be_changed_and_nothing_is_replaced(llmops: Command, folder: Path) -> None:
    """It stands in a folder of the example's name; what to type next is printed, with the folder."""
    out = llmops("examples", "copy", "ci-gate").out

    assert "next:\n  cd ci-gate\n  llmops run pipeline.yaml\n" in out
    for path in find_example("ci-gate").files:
        assert path.read_bytes() == (folder / "ci-gate" / path.name).read_bytes()
    (folder / "ci-gate" / "pipeline.yaml").unlink()
    (folder / "ci-gate" / "tickets.jsonl").write_text("mine", encoding="utf-8")
    error = "error: 'ci-gate/answers.jsonl' exists, and nothing was copied: name another folder\n"
    assert error == llmops("examples", "copy", "ci-gate", code=2).err
    assert not (folder / "ci-gate" / "pipeline.yaml").exists()
    assert "mine" == (folder / "ci-gate" / "tickets.jsonl").read_text(encoding="utf-8")


def test_a_copy_goes_where_it_should(llmops: Command, folder: Path) -> None:
    """Into a new folder, or into this one; a link that leads nowhere is a file too."""
    assert "cd 'a new/one'\n" in llmops("examples", "copy", "quickstart", "a new/one").out
    assert "cd" not in llmops("examples", "copy", "quickstart", ".").out
    assert (folder / "quickstart.yaml").read_bytes() == (folder / "a new" / "one" / "quickstart.yaml").read_bytes()

    copied = json.loads(llmops("examples", "copy", "quickstart", "other", "--json").out)
    assert ["other/quickstart.yaml"] == copied["files"]
    assert copied["try"][0].startswith("llmops run quickstart.yaml")

    assert "'echoes.yaml' is a file, and nothing" in llmops("examples", "copy", "quickstart", "echoes.yaml", code=2).err
    (folder / "linked").mkdir()
    (folder / "linked" / "quickstart.yaml").symlink_to(folder / "gone.yaml")
    assert "'linked/quickstart.yaml' exists" in llmops("examples", "copy", "quickstart", "linked", code=2).err
    assert not (folder / "gone.yaml").exists()


def test_a_copy_that_fails_leaves_nothing(llmops: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk."""
    copy = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        copy(source, target)
        if source.name == "tickets.jsonl":
            raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copyfile", full)

    assert "No space left on device: 'ci-gate/tickets.jsonl'" in llmops("examples", "copy", "ci-gate", code=2).err
    assert [] == list((folder / "ci-gate").iterdir())


@pytest.mark.parametrize("command", ["show", "copy", "run"])
def test_an_unknown_example_has_a_near_one(llmops: Command, command: str) -> None:
    """So has an unknown file of one."""
    assert (
        "error: no example is called 'quick'; did you mean 'quickstart'?\n"
        == llmops("examples", command, "quick", code=2).err
    )
    assert "has no file 'gate.yaml'; " in llmops("examples", "show", "ci-gate", "gate.yaml", code=2).err


def test_an_example_takes_the_options_of_run(llmops: Command) -> None:
    """They are passed on: here, one that cannot be planned."""
    done = llmops("examples", "run", "quickstart", "--set", "models.0.use=smolm", code=2)

    assert "no model is called 'smolm'" in done.err


def test_an_example_runs_in_its_place_with_the_store_here(llmops: Command, folder: Path) -> None:
    """Its data are found beside it, and nothing is written there."""
    example = find_example("recorded-answers")
    before = sorted(example.main.parent.iterdir())
    results = json.loads(llmops("examples", "run", "recorded-answers", "--json").out)

    assert ["new", "old"] == [cell["candidate"] for cell in results["leaderboards"][0]["cells"]]
    assert before == sorted(example.main.parent.iterdir())
    assert 1 == len(list((folder / "llmops-runs" / "runs").glob("recorded-answers-*")))


def test_a_script_runs_with_its_arguments(llmops: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the current folder; its exit code is that of the command. `llmops run` names the way."""
    (folder / "shelf").mkdir()
    program = "import pathlib, sys\npathlib.Path('out.txt').write_text(str(sys.argv[1:]))\nsys.exit(3)\n"
    (folder / "shelf" / "hello.py").write_text(f'"""Says hello."""\n{program}', encoding="utf-8")
    monkeypatch.setattr(catalog, "_folder", lambda: folder / "shelf")

    llmops("examples", "run", "hello", "there", "--fast", code=3)
    assert "['there', '--fast']" == (folder / "out.txt").read_text(encoding="utf-8")
    assert "is a script; run it with: llmops examples run hello" in llmops("run", "hello", code=2).err
