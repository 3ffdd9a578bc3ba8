"""The console and the tables of all output."""

from __future__ import annotations

import pytest

from llmops_sdk.cli.output.tables import new_grid, new_table, open_console, print_entry, print_line


def test_brackets_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Text of users and plugins is no markup: `pip install 'x[local]'` keeps its extra."""
    console, table, grid = open_console(), new_table("a", "b"), new_grid(None)
    table.add_row("[red]", "x[local]")
    grid.add_row("[bold]")
    for renderable in (table, grid, "[link]"):
        console.print(renderable)
    print_entry(console, "[ok]", "[text]", width=6)
    print_line(console, "[line]")

    out = capsys.readouterr().out
    for text in ("[red]", "x[local]", "[bold]", "[link]", "[ok]", "[text]", "[line]"):
        assert text in out


def test_nothing_wraps_in_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is as wide as it needs; `COLUMNS` limits it."""
    table = new_table("a", "b")
    table.add_row("x", "word " * 50)

    open_console().print(table)
    assert 2 == len(capsys.readouterr().out.splitlines())
    monkeypatch.setenv("COLUMNS", "80")
    open_console().print(table)
    assert 5 == len(capsys.readouterr().out.splitlines())


def test_lines_end_without_spaces_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Rich fills the last column of a table."""
    table = new_table("a", "b")
    table.add_row("x", "short")
    table.add_row("y", "longer than that")

    open_console().print(table)

    assert ["a  b", "x  short", "y  longer than that"] == capsys.readouterr().out.splitlines()


def test_a_long_word_is_folded(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut, in a table with or without a heading."""
    monkeypatch.setenv("COLUMNS", "20")
    table, grid = new_table("a", "b"), new_grid(None, None)
    for renderable in (table, grid):
        renderable.add_row("name", "x" * 30)
        open_console().print(renderable)

        out = capsys.readouterr().out
        assert 30 == out.count("x")
        assert "…" not in out


def test_the_text_of_an_entry_wraps_in_its_own_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The label has the first column for itself."""
    monkeypatch.setenv("COLUMNS", "40")

    print_entry(open_console(), "warning", "word " * 12, width=7)

    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("warning  word")
    assert others
    assert all(line.startswith("         word") for line in others)


def test_a_line_is_not_wrapped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command or a path can be copied in one piece."""
    monkeypatch.setenv("COLUMNS", "40")

    print_line(open_console(), "x" * 100)

    assert "x" * 100 + "\n" == capsys.readouterr().out


def test_a_broken_pipe_is_left_to_the_program() -> None:
    """Rich would end the process with exit code 1."""
    with pytest.raises(BrokenPipeError):
        open_console().on_broken_pipe()
