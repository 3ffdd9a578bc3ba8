"""Functions of the user's own files, as a plan has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs

FunctionKind = Literal["metric", "dataset", "prompt", "target"]
FUNCTION_KINDS: tuple[FunctionKind, ...] = get_args(FunctionKind)

_REFERENCE = re.compile(r"(?P<file>.+\.py)(?::(?P<name>.*))?", re.DOTALL)


@attrs.frozen
class FileContent:
    """A file that an option names, small enough to travel with the plan.

    Attributes:
        name: The file's name.
        sha256: Of its bytes.
        data: Its bytes, in Base64.
    """

    name: str
    sha256: str
    data: str


@attrs.frozen
class Function:
    """A function with all that a process on any machine needs to call it.

    Attributes:
        file: The file that has it, below its own folder.
        name: Its name in the file.
        code: Hash of what it uses: its own lines, those of the names that it uses, and the files of its folder that these import.
        files: The text of the file and of every file of its folder that it imports, by their paths below the folder.
        distributions: The installed distributions that these import.
        paths: Its options that are paths.
        data: The files that these name, as far as they are small, by the options' names.
    """

    file: str
    name: str
    code: str
    files: Mapping[str, str]
    distributions: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    data: Mapping[str, FileContent] = attrs.field(factory=dict)

    @property
    def reference(self) -> str:
        """How plans and messages name it: `metrics.py:brevity`."""
        return f"{self.file.rpartition('/')[2]}:{self.name}"


def is_function(use: str) -> bool:
    """Return whether a specification or a plan names a function of a file in place of a card.

    >>> is_function("./metrics.py:brevity"), is_function("openai/gpt-4o-mini")
    (True, False)
    """
    return _REFERENCE.fullmatch(use) is not None


def split_reference(use: str) -> tuple[str, str]:
    """Return the file and the name that a reference has; the name may be empty.

    >>> split_reference("./metrics.py:brevity")
    ('./metrics.py', 'brevity')
    """
    matched = _REFERENCE.fullmatch(use)
    return (matched["file"], matched["name"] or "") if matched else (use, "")


def function_key(function: Function, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a function decides results: the code that it uses, its options, and the content of their files.

    Args:
        function: The function.
        options: The values of its options.
    """
    return {
        "code": function.code,
        "options": {name: value for name, value in options.items() if name not in function.data},
        "files": {name: content.sha256 for name, content in function.data.items()},
    }


def shown_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of a component as people read them: of a function, its own ones and not its source."""
    if not isinstance(options.get("function"), Mapping):
        return options
    others = {name: value for name, value in options.items() if name not in ("function", "options", "split")}
    return {**options.get("options", {}), **options.get("split", {}), **others}
