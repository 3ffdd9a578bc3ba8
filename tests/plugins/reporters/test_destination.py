"""Where reporters write: all of a file or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins.reporters.destination import new_file, new_files, path_of
from llmops_sdk import Result, UserError
from llmops_sdk.plugin import Context


@pytest.fixture(name="context")
def _context(make_context: Callable[..., Context]) -> Context:
    return make_context()


def test_a_file_appears_when_it_is_complete(result: Result, context: Context, tmp_path: Path) -> None:
    """In a folder that is made; its name may have the run's ID."""
    path = str(tmp_path / "made" / "{run}.txt")
    target = tmp_path / "made" / f"{result.run.id}.txt"

    with new_file(context, result.run, path, "name.txt") as draft:
        draft.write_text("all of it", encoding="utf-8")
        assert not target.exists()

    assert path_of(path, result.run) == target
    assert "all of it" == target.read_text(encoding="utf-8")
    assert [target] == list(target.parent.iterdir())


def test_after_an_exception_the_earlier_file_stays(result: Result, context: Context, tmp_path: Path) -> None:
    """And no draft."""
    target = tmp_path / "made" / "a.txt"
    target.parent.mkdir()
    target.write_text("before", encoding="utf-8")

    def fail() -> None:
        with new_file(context, result.run, str(target), "name.txt") as draft:
            draft.write_text("half", encoding="utf-8")
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert "before" == target.read_text(encoding="utf-8")
    assert [target] == list(target.parent.iterdir())


def test_without_a_path_files_are_in_the_record(result: Result, context: Context) -> None:
    """In a store of any kind."""
    with new_file(context, result.run, "", "one.txt") as draft:
        draft.write_text("1", encoding="utf-8")
    with new_files(context, result.run, "", "several") as folder:
        (folder / "inside").mkdir()
        (folder / "inside" / "two.txt").write_text("2", encoding="utf-8")

    assert (b"1", b"2") == (result.run.read("one.txt"), result.run.read("several/inside/two.txt"))


def test_several_files_appear_in_the_order_of_their_writing(
    result: Result, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written last, as results that name the others, appears last."""
    appeared: list[str] = []
    replace = Path.replace

    def noted(path: Path, target: Path) -> Path:
        appeared.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", noted)

    with new_files(context, result.run, str(tmp_path / "out"), "several") as folder:
        for name in ("b.txt", "a.txt"):
            (folder / name).write_text(name, encoding="utf-8")

    assert ["b.txt", "a.txt"] == appeared
    assert {"a.txt", "b.txt"} == {path.name for path in (tmp_path / "out").iterdir()}


def test_a_path_that_cannot_be_written_is_one_line(result: Result, context: Context, tmp_path: Path) -> None:
    """Such as a file in the place of its folder."""
    (tmp_path / "taken").touch()

    def write() -> None:
        with new_file(context, result.run, str(tmp_path / "taken" / "a.txt"), "a.txt") as draft:
            draft.touch()

    with pytest.raises(UserError, match=r"taken/a.txt' cannot be written: "):
        write()
