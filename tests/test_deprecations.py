"""Deprecated names, in a package that has one as the public modules have."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from llmops_sdk.deprecations import (
    Deprecation,
    LLMOpsDeprecationWarning,
    collect_deprecations,
    current_name,
    warn_deprecated,
)

FACE = """
from llmops_sdk.deprecations import Deprecation, current_name

DEPRECATED = {"Colour": Deprecation("Color", since="0.2", removal="0.4")}


def __getattr__(name):
    if current_name(__name__, name, DEPRECATED) == "Color":
        return "red"
    raise AttributeError(name)
"""
MESSAGE = "palette.Colour is deprecated since llmops-sdk 0.2, and 0.4 removes it: use Color"


@pytest.fixture(name="palette")
def _palette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package with a deprecated name."""
    (tmp_path / "palette").mkdir()
    (tmp_path / "palette" / "__init__.py").write_text(FACE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "palette", raising=False)
    return import_module("palette")


def test_a_deprecated_name_works_with_a_warning(palette: ModuleType) -> None:
    """The warning states since when, until when, and what to use."""
    with pytest.warns(LLMOpsDeprecationWarning) as caught:
        assert "red" == palette.Colour

    assert [MESSAGE] == [str(one.message) for one in caught]
    assert [__file__] == [one.filename for one in caught]


def test_the_warning_is_about_the_line_that_imports_the_name(palette: ModuleType, tmp_path: Path) -> None:
    """`from ... import Name` looks a name up from inside Python's import system; that place would help nobody."""
    program = tmp_path / "program.py"
    program.write_text("\nfrom palette import Colour\n", encoding="utf-8")

    with pytest.warns(LLMOpsDeprecationWarning) as caught:
        exec(compile(program.read_text(encoding="utf-8"), str(program), "exec"), {})

    assert "palette" == palette.__name__
    assert {(str(program), 2)} == {(one.filename, one.lineno) for one in caught}


def test_current_and_unknown_names_do_not_warn() -> None:
    """They are looked up as they are; a warning would fail this test."""
    deprecated = {"Colour": Deprecation("Color", since="0.2", removal="0.4")}

    assert "Color" == current_name("palette", "Color", deprecated)
    assert "Shape" == current_name("palette", "Shape", deprecated)


def test_messages_are_collected_once_and_inside_the_block_only() -> None:
    """Python shows such warnings in few places; `llmops plugins` and `doctor` show what was collected."""
    with collect_deprecations() as outer:
        use("a")
        with collect_deprecations() as inner:
            use("b")
            use("b")
    use("c")

    assert (["a"], ["b"]) == (outer, inner)


def use(message: str) -> None:
    """Use something deprecated."""
    with pytest.warns(LLMOpsDeprecationWarning, match=message):
        warn_deprecated(message, stacklevel=2)
