"""The sources of a function: its file, and every file of the same folder that this one imports, however deep."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from pathlib import Path

import attrs

from llmops_sdk.errors import SpecError, describe_os_error, did_you_mean
from llmops_sdk.functions.imports import Folder, Import, distributions_of, imports_in, own_files, where_installed

LARGEST = 2 << 20
"""The most bytes of all sources of a function together: they are part of the plan."""


@attrs.frozen
class Sources:
    """The sources of a function.

    Attributes:
        file: The file that the user named, below the folder.
        folder: The folder.
        files: The texts of it and of what it imports from the folder, by their paths below it.
        distributions: The installed distributions that they import.
    """

    file: str
    folder: Path
    files: Mapping[str, str]
    distributions: tuple[str, ...]


def read_sources(path: Path) -> Sources:
    """Read a file with what it imports from its folder.

    Raises:
        SpecError: A file cannot be read, is no Python, or imports what is neither in its folder nor installed.
    """
    folder = Folder(path.parent)
    waiting = [path.name]
    files: dict[str, str] = {}
    tops: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        files[name] = _read(folder.path / name)
        if sum(len(text) for text in files.values()) > LARGEST:
            message = f"{path.name!r} and what it imports from its folder have more than {LARGEST >> 20} MiB; is it a data file?"
            raise SpecError(message)
        tree = parse(files[name], name)
        _check_names(tree, name)
        for module_import in imports_in(tree):
            own = own_files(module_import, name, folder)
            if own is None:
                tops.update({module_import.top: None} if _is_usable(module_import, name, folder) else {})
            else:
                waiting += own
    return Sources(path.name, folder.path, dict(sorted(files.items())), distributions_of(tops))


def parse(text: str, name: str) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        SpecError: It is no Python; the message has the line.
    """
    try:
        return ast.parse(text, name)
    except (SyntaxError, ValueError, RecursionError) as exc:
        line = f", line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
        reason = exc.msg if isinstance(exc, SyntaxError) else exc
        message = f"{name!r}{line} is not valid Python: {reason}"
        raise SpecError(message) from exc


def _read(path: Path) -> str:
    shown = repr(path.name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        others = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        message = f"there is no file {str(path)!r}{did_you_mean(path.name, others)}"
        raise SpecError(message) from None
    except OSError as exc:
        message = f"{shown} cannot be read: {describe_os_error(exc)}"
        raise SpecError(message) from exc
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return io.TextIOWrapper(io.BytesIO(data), encoding).read()  # with one kind of line end
    except (SyntaxError, UnicodeDecodeError, LookupError) as exc:
        message = f"{shown} is not valid Python: {' '.join(str(exc).split())}"
        raise SpecError(message) from exc


def _is_usable(module_import: Import, name: str, folder: Folder) -> bool:
    """Return whether what is not of the folder is installed; an optional import may be missing."""
    where = f"{name!r}, line {module_import.line}"
    if module_import.level:
        message = (
            f"{where} imports {'.' * module_import.level + module_import.module!r}, which its folder does not have: a function may use "
            "its own folder and installed packages"
        )
        raise SpecError(message)
    home = where_installed(module_import.top)
    if home in ("python", "installed"):
        return True
    if home:
        message = (
            f"{where} imports {module_import.module!r} from {home!r}, which is neither in its folder nor installed, so it would not "
            "travel with a run: move it next to the file, or install it: pip install -e FOLDER"
        )
        raise SpecError(message)
    if module_import.is_optional:
        return False
    names = [path.stem for path in folder.path.glob("*.py")]
    message = (
        f"{where} imports {module_import.module!r}, which is neither in its folder nor installed"
        f"{did_you_mean(module_import.top, names)}"
    )
    raise SpecError(message)


def _check_names(tree: ast.Module, name: str) -> None:
    """Refuse `__file__`: the file travels alone, so what lies beside it is not there on another machine."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__file__":
            message = (
                f"{name!r}, line {node.lineno} uses __file__, but the file travels without its folder: name what it reads "
                "with an option of type Path, such as (..., *, words: Path = Path('words.txt'))"
            )
            raise SpecError(message)
