"""What files import, and where that comes from."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from llmops_sdk.functions.imports import Folder, Import, distributions_of, imports_in, own_files, where_installed

TEXT = """
import os, a.b
from . import sibling
from ..up import name
try:
    import fast
except ImportError:
    import slow
if TYPE_CHECKING:
    import never
def f():
    from late import x, y
    importlib.import_module("dynamic")
    importlib.import_module(name)
"""


def test_imports_are_found_wherever_they_are() -> None:
    """In functions and branches too; those for type checkers are left out, and optional ones are marked."""
    imports = list(imports_in(ast.parse(TEXT)))

    assert ["os", "a.b", "", "up", "fast", "slow", "late", "dynamic"] == [each.module for each in imports]
    assert ["fast"] == [each.module for each in imports if each.is_optional]
    assert (("sibling",), 1) == (imports[2].names, imports[2].level)


@pytest.mark.parametrize(
    ("module", "names", "level", "importer", "expected"),
    [
        ("helpers", (), 0, "mine.py", ["helpers.py"]),
        ("lib.deep", (), 0, "mine.py", ["lib/__init__.py", "lib/deep.py"]),
        ("lib", ("deep", "thing"), 0, "mine.py", ["lib/__init__.py", "lib/deep.py"]),
        ("", ("deep",), 1, "lib/other.py", ["lib/__init__.py", "lib/deep.py"]),
        ("helpers", ("x",), 2, "lib/other.py", ["helpers.py"]),
        ("helpers", ("x",), 1, "mine.py", ["helpers.py"]),
        ("space", ("one",), 0, "mine.py", ["space/one.py"]),
        ("x", (), 3, "lib/other.py", None),
        ("json", (), 0, "mine.py", None),
        ("sys", (), 0, "mine.py", None),
    ],
)
def test_the_own_folder_comes_first(
    tmp_path: Path, module: str, names: tuple[str, ...], level: int, importer: str, expected: list[str] | None
) -> None:
    """Modules and packages of the folder are found as Python does: also relative ones, and folders without `__init__.py`."""
    for name in ("helpers.py", "sys.py", "lib/__init__.py", "lib/deep.py", "lib/other.py", "space/one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert expected == own_files(Import(module, names, level, 1), importer, Folder(tmp_path))
    if expected is not None:
        assert expected == own_files(Import(module, names, level, 1), importer, dict.fromkeys(expected))


def test_a_folder_of_data_is_no_package(tmp_path: Path) -> None:
    """A folder `attr` of data does not hide the installed package of that name."""
    (tmp_path / "attr").mkdir()
    (tmp_path / "attr" / "make.py").touch()

    assert own_files(Import("attr", (), 0, 1), "mine.py", Folder(tmp_path)) is None


def test_packages_are_of_python_installed_or_only_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only on the path is neither: it would not be there on another machine."""
    (tmp_path / "only_on_the_path.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    assert "python" == where_installed("json")
    assert "installed" == where_installed("attrs")
    assert "installed" == where_installed("llmops_sdk")
    assert str(tmp_path / "only_on_the_path.py") == where_installed("only_on_the_path")
    assert "" == where_installed("no_such_module_anywhere")
    assert "" == where_installed("__main__") or sys.modules["__main__"].__spec__ is not None


def test_imported_packages_name_their_distributions() -> None:
    """`yaml` comes with PyYAML; Python's own modules and this project need none."""
    assert ("PyYAML", "attrs") == distributions_of(["yaml", "attrs", "json", "llmops_sdk"])
    assert () == distributions_of(["json"])
