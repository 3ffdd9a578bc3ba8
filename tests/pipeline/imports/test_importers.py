"""The importer of a file: found by its content, or named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

from llmops_sdk import DataError, PluginError, Registry, SpecError
from llmops_sdk.pipeline.imports.importers import Importers
from llmops_sdk.plugin import Context, ImportedResults, ImportedRow, Importer, ImporterCard, Options, option
from llmops_sdk.testing import make_context

from ...plugin.plugins import make_plugin


@attrs.frozen(kw_only=True)
class MarkOptions(Options):
    """One option."""

    id: str = option("")


class MarkImporter(Importer):
    """Reads files that start with a mark."""

    mark: ClassVar[str] = "X"

    def recognizes(self, path: Path) -> bool:
        return path.is_file() and path.read_text().startswith(self.mark)

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        if "broken" in path.read_text():
            raise ZeroDivisionError
        yield ImportedResults(f"{self.mark} {self.options.id}", "d", (), self._rows(path.read_text()))

    def _rows(self, text: str) -> Iterator[ImportedRow]:
        if "odd" in text:
            raise KeyError(text)
        yield ImportedRow("1", {}, None)


class OtherImporter(MarkImporter):
    """Reads files of a longer mark."""

    mark = "XY"


def _card(name: str, cls: str, *, is_fallback: bool = False) -> ImporterCard:
    return ImporterCard(name=name, summary="s", load=f"{__name__}:{cls}", options=MarkOptions, is_fallback=is_fallback)


@pytest.fixture(name="importers")
def _importers() -> Registry:
    """Two importers, and one for all else."""
    registry = Registry()
    plugin = make_plugin(
        _card("mark", "MarkImporter"), _card("other", "OtherImporter"), _card("any", "Fallback", is_fallback=True)
    )
    registry.add("made", plugin)
    return registry


class Fallback(MarkImporter):
    """Reads everything that is not empty."""

    mark = ""

    def recognizes(self, path: Path) -> bool:
        return path.is_file() and path.stat().st_size > 0


def _file(folder: Path, text: str) -> Path:
    path = folder / "results.txt"
    path.write_text(text, encoding="utf-8")
    return path


def _candidates(importers: Importers, path: Path) -> list[str]:
    context = make_context(path.parent / "step")
    return [results.candidate for results in importers.read(path, context) if list(results.rows)]


def test_the_importer_that_recognizes_a_file_reads_it(tmp_path: Path, importers: Registry) -> None:
    """A fallback is asked only where no other one does; options go to those that have them."""
    own = Importers(importers, "", {"id": "doc"})

    assert ["X doc"] == _candidates(own, _file(tmp_path, "X 1"))
    assert [" doc"] == _candidates(own, _file(tmp_path, "something else"))
    own.check_used("see")


def test_two_that_fit_are_refused_unless_one_is_named(tmp_path: Path, importers: Registry) -> None:
    """The error has the names to choose from."""
    path = _file(tmp_path, "XY 1")

    with pytest.raises(
        DataError, match=r"may be of 'mark' and of 'other'; name the importer with --as mark or --as other"
    ):
        _candidates(Importers(importers, "", {}), path)
    assert ["XY "] == _candidates(Importers(importers, "other", {}), path)


def test_a_file_of_no_known_kind(tmp_path: Path, importers: Registry) -> None:
    """The error names what is read."""
    with pytest.raises(DataError, match="is of no kind that is read: any, mark, other; name one with --as NAME"):
        _candidates(Importers(importers, "", {}), _file(tmp_path, ""))
    with pytest.raises(SpecError, match="no importer is called 'mork'; did you mean 'mark'"):
        _candidates(Importers(importers, "mork", {}), _file(tmp_path, "X"))


def test_an_option_that_nothing_has_is_refused(tmp_path: Path, importers: Registry) -> None:
    """A slip in its name would go unnoticed."""
    own = Importers(importers, "", {"idd": "doc"})
    _candidates(own, _file(tmp_path, "X"))

    with pytest.raises(SpecError, match="no source has the option 'idd'; see"):
        own.check_used("see")


@pytest.mark.parametrize(("text", "reason"), [("X broken", "ZeroDivisionError"), ("X odd", "KeyError: 'X odd'")])
def test_a_failure_of_an_importer_names_it(tmp_path: Path, importers: Registry, text: str, reason: str) -> None:
    """Also one in the middle of its rows, with the line of its code."""
    with pytest.raises(PluginError, match=rf"importer 'mark' failed: {reason} \(test_importers.py:\d+\)"):
        _candidates(Importers(importers, "", {}), _file(tmp_path, text))
