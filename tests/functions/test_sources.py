"""The sources of a function: what travels, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import SpecError
from llmops_sdk.functions import sources
from llmops_sdk.functions.sources import read_sources


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    return folder / "mine.py"


def test_what_a_file_imports_from_its_folder_travels_with_it(tmp_path: Path) -> None:
    """However deep; other files of the folder stay."""
    path = write(
        tmp_path,
        mine="import helpers\nimport yaml\n",
        helpers="def f():\n    from lib import deep\n",
        other="",
        lib__deep="import mine\n",
    )
    (tmp_path / "lib" / "__init__.py").touch()

    read = read_sources(path)

    assert ["helpers.py", "lib/__init__.py", "lib/deep.py", "mine.py"] == list(read.files)
    assert ("mine.py", tmp_path, ("PyYAML",)) == (read.file, read.folder, read.distributions)


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    """A checkout on another system is the same code; an encoding that the file declares is used."""
    path = tmp_path / "mine.py"
    path.write_bytes("# coding: latin-1\r\nNAME = 'é'\r\n".encode("latin-1"))

    assert {"mine.py": "# coding: latin-1\nNAME = 'é'\n"} == read_sources(path).files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", r"'mine.py', line 1 is not valid Python: '\(' was never closed"),
        ("import no_such_module", r"'mine.py', line 1 imports 'no_such_module', which is neither in its folder nor installed"),
        ("import helprs", r"imports 'helprs', .*; did you mean 'helpers'\?"),
        ("\nfrom .. import x", r"'mine.py', line 2 imports '\.\.', which its folder does not have"),
        ("import on_the_path", r"line 1 imports 'on_the_path' from '.*on_the_path.py', .*: move it next to the file, or install it"),
        ("def f():\n    return open(__file__)", r"'mine.py', line 2 uses __file__.*option of type Path"),
    ],
)  # fmt: skip
def test_what_cannot_travel_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """With the file and the line, before anything runs."""
    path = write(tmp_path / "project", mine=text, helpers="")
    write(tmp_path / "elsewhere", on_the_path="")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))

    with pytest.raises(SpecError, match=message):
        read_sources(path)


def test_an_optional_import_may_be_missing(tmp_path: Path) -> None:
    """`try: import fast` with `except ImportError` is no mistake."""
    path = write(tmp_path, mine="try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None\n")

    assert ["mine.py"] == list(read_sources(path).files)


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    """A folder, bytes that are no text, and a file of data get one line, too."""
    write(tmp_path, metrics="")
    with pytest.raises(SpecError, match=r"there is no file '.*metric.py'; did you mean 'metrics.py'\?"):
        read_sources(tmp_path / "metric.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(SpecError, match=r"'folder.py' cannot be read: Is a directory"):
        read_sources(tmp_path / "folder.py")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"'binary.py' is not valid Python"):
        read_sources(tmp_path / "binary.py")


def test_sources_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are part of every plan."""
    monkeypatch.setattr(sources, "LARGEST", 10)
    with pytest.raises(SpecError, match="have more than 0 MiB; is it a data file"):
        read_sources(write(tmp_path, mine="TEXT = 'many characters'"))
