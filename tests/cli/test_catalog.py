"""The packaged examples, and what the head of each says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from llmops_sdk import SpecError, UserError
from llmops_sdk.cli import catalog
from llmops_sdk.cli.catalog import find_example, list_examples

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="shelf")
def _shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of that of the examples."""
    monkeypatch.setattr(catalog, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.name)
def test_every_example_describes_itself(example: catalog.Example) -> None:
    """In one line that fits beside the others, with what it needs and what to type, and by files that it names."""
    assert 20 < len(example.summary) < 80
    assert example.summary.endswith((".", "?"))
    assert 0 < len(example.needs) < 25
    assert example.commands
    used = "".join(path.read_text(encoding="utf-8") for path in example.files)
    for path in example.files:
        assert path.name in used
        assert path.stat().st_size < 50_000


def test_no_two_examples_have_the_same_data() -> None:
    """Each brings its own, or uses the bundled dataset."""
    files = [path for example in list_examples() for path in example.files]

    assert len(files) == len({path.read_bytes() for path in files})


def test_the_wheel_has_all_files_of_the_examples() -> None:
    """Where the installed package looks for them."""
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}

    assert (ROOT / "src" / "llmops_sdk").samefile(Path(catalog.__file__).parents[1])
    for example in list_examples():
        assert {f"llmops_sdk/_examples/{path.relative_to(ROOT / 'examples')}" for path in example.files} <= files


def test_a_folder_is_an_example_by_its_main_file(shelf: Path) -> None:
    """Other folders are none; hidden files, reports and folders are not part of one."""
    for name in (
        "one/pipeline.yaml",
        "one/data.jsonl",
        "one/.hidden",
        "one/report.html",
        "one/runs/run.json",
        "two/x.yaml",
    ):
        (shelf / name).parent.mkdir(parents=True, exist_ok=True)
        (shelf / name).write_text("# Shows one thing.\n", encoding="utf-8")

    (example,) = list_examples()
    assert ("one", "Shows one thing.") == (example.name, example.summary)
    assert ["pipeline.yaml", "data.jsonl"] == [path.name for path in example.files]
    assert shelf / "one" / "data.jsonl" == example.file("data.jsonl")
    with pytest.raises(UserError, match=r"the example 'one' has no file 'data\.json'; did you mean 'data\.jsonl'\?"):
        example.file("data.json")


def test_the_head_is_a_comment_a_docstring_or_a_cell(shelf: Path) -> None:
    """All have the same form."""
    head = "Shows it.\n\nNeeds: seconds\nTry:\n\n    llmops run x.yaml\n    llmops gate   # exit code 5\n\n    More."
    (shelf / "a.yaml").write_text("\n".join(f"# {line}" for line in head.splitlines()) + "\nname: a\n# no\n", "utf-8")
    (shelf / "my_script.py").write_text(f'"""{head}"""\n', encoding="utf-8")
    cells = [{"source": [f"{line}\n" for line in f"# {head}".splitlines()]}, {"source": ["# no"]}]
    (shelf / "c.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")

    assert ["a", "c", "my-script"] == [example.name for example in list_examples()]
    for example in list_examples():
        assert ("Shows it.", "seconds") == (example.summary, example.needs)
        assert ("llmops run x.yaml", "llmops gate   # exit code 5") == example.commands[:2]


def test_a_file_without_a_head_has_none(shelf: Path) -> None:
    """It is listed all the same."""
    (shelf / "a.yaml").write_text("name: a\n", encoding="utf-8")
    (shelf / "b.py").write_text("print(1)\n", encoding="utf-8")

    assert [("", "", ())] * 2 == [(each.summary, each.needs, each.commands) for each in list_examples()]


def test_an_unknown_name_and_what_is_no_specification(shelf: Path) -> None:
    """Each in one line, with what to do."""
    (shelf / "script.py").write_text('"""Shows it."""\n', encoding="utf-8")
    (shelf / "note.ipynb").write_text('{"cells": [{"source": "Shows it."}]}', encoding="utf-8")

    with pytest.raises(SpecError, match=r"no example is called 'scripts'; did you mean 'script'\?"):
        find_example("scripts")
    with pytest.raises(SpecError, match="is a script; run it with: llmops examples run script"):
        find_example("script").specification()
    with pytest.raises(SpecError, match="is a notebook; copy it with `llmops examples copy note`"):
        find_example("note").specification()
