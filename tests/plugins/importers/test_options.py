from __future__ import annotations

import pytest

from llmops_plugins.importers.options import MlflowImportOptions, TableImportOptions, ToolImportOptions


@pytest.mark.parametrize("path", ["", "instruction", "doc.id", "turns[-1].id", "a name"])
def test_a_field_is_a_name_or_a_path(path: str) -> None:
    """As in all other options that name fields."""
    assert (path, path) == (ToolImportOptions(id=path).id, MlflowImportOptions(group=path).group)


@pytest.mark.parametrize("name", ["id", "group"])
def test_what_is_no_path_is_refused(name: str) -> None:
    """The message names the option and shows what a path looks like."""
    with pytest.raises(ValueError, match=rf"^{name} is the name of a field or a path such as doc.id, not 'doc\.\.id'$"):
        ToolImportOptions(**{name: "doc..id"})


@pytest.mark.parametrize(
    ("option", "problem"),
    [({"encoding": "klingon"}, "no text encoding is called"), ({"delimiter": "::"}, "one character")],
)
def test_a_tables_text_options_are_checked(option: dict[str, str], problem: str) -> None:
    """Before a file is opened."""
    with pytest.raises(ValueError, match=problem):
        TableImportOptions(**option)  # type: ignore[arg-type]  # the values of these options are texts
