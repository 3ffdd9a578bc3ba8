"""The options of the importers are checked before a file is read."""

from __future__ import annotations

import pytest

from llmops_plugins.importers.options import TableImportOptions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoding": "utf8000"}, "no text encoding is called 'utf8000'; common ones: utf-8, utf-16, windows-1252"),
        ({"delimiter": ", "}, "delimiter must be one character, not ', '"),
    ],
)
def test_options_that_cannot_be(values: dict[str, str], message: str) -> None:
    """The error has what they may be."""
    with pytest.raises(ValueError, match=message):
        TableImportOptions(**values)  # type: ignore[arg-type]


def test_options_that_can_be() -> None:
    """What is left out is found in the file."""
    options = TableImportOptions(encoding="utf-16", delimiter="\t")

    assert ("", ()) == (options.id, options.score)
