"""What the files of a function import: from their own folder, from Python, or from installed packages."""

from __future__ import annotations

import ast
import json
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import distributions, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs

_OURS = ("llmops_sdk", "llmops_plugins")
_INSTALLED_FOLDERS = {"site-packages", "dist-packages"}
_OPTIONAL = {"ImportError", "ModuleNotFoundError", "Exception"}


@attrs.frozen
class Import:
    """One import in a file.

    Attributes:
        module: The module, without the dots before it.
        names: What is imported from it; may be modules too.
        level: The number of dots before it.
        line: Where.
        is_optional: Whether the file does without it, in `try: ... except ImportError:`.
    """

    module: str
    names: tuple[str, ...]
    level: int
    line: int
    is_optional: bool = False

    @property
    def top(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


def imports_in(node: ast.AST, *, is_optional: bool = False) -> Iterator[Import]:
    """Yield the imports in a syntax tree, in functions too; those for type checkers only are left out."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, (), 0, node.lineno, is_optional)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Import(node.module or "", names, node.level, node.lineno, is_optional)
    elif isinstance(node, ast.Call) and (name := _imported_by_call(node)):
        yield Import(name, (), 0, node.lineno, is_optional)
    if isinstance(node, ast.If) and _is_for_type_checkers(node.test):
        children: Iterable[ast.AST] = node.orelse
    elif isinstance(node, ast.Try) and any(map(_handles_import_errors, node.handlers)):
        for statement in node.body:
            yield from imports_in(statement, is_optional=True)
        children = [*node.handlers, *node.orelse, *node.finalbody]
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from imports_in(child, is_optional=is_optional)


def own_files(module_import: Import, importer: str, has_file: Mapping[str, object] | Folder) -> list[str] | None:
    """Return the files of the own folder that an import loads; None if it is not of that folder.

    Args:
        module_import: The import.
        importer: The file that has it, below the folder.
        has_file: The files of the folder.
    """
    if module_import.level:
        package = importer.split("/")[:-1]
        if module_import.level - 1 > len(package):
            return None
        package = package[: len(package) - (module_import.level - 1)]
        parts = [*package, *filter(None, module_import.module.split("."))]
    elif module_import.top in sys.builtin_module_names:
        return None
    else:
        parts = module_import.module.split(".")
    files = _files_of(parts, has_file) if parts else []
    if files is None:
        return None
    for name in module_import.names:
        files += _files_of([*parts, name], has_file) or []
    return list(dict.fromkeys(files))


def _files_of(parts: list[str], has_file: Mapping[str, object] | Folder) -> list[str] | None:
    """Return the files of a module and of the packages that it is in; None if there is no such module."""
    files = []
    for end in range(1, len(parts) + 1):
        base = "/".join(parts[:end])
        init, module = f"{base}/__init__.py", f"{base}.py"
        if init in has_file:
            files.append(init)
        elif module in has_file:
            return [*files, module] if end == len(parts) else None
    last = "/".join(parts)
    is_found = f"{last}/__init__.py" in has_file or (files == [] and _is_namespace(last, has_file))
    return files if is_found else None


def _is_namespace(folder: str, has_file: Mapping[str, object] | Folder) -> bool:
    """Return whether a folder without `__init__.py` has modules, and no installed package has its name."""
    if isinstance(has_file, Folder):
        return has_file.has_modules(folder) and where_installed(folder.partition("/")[0]) == ""
    return any(name.startswith(f"{folder}/") for name in has_file)


@attrs.frozen
class Folder:
    """The Python files of a folder, by their paths below it."""

    path: Path

    def __contains__(self, name: object) -> bool:
        return (self.path / str(name)).is_file()

    def has_modules(self, name: str) -> bool:
        """Return whether a folder in it has Python files."""
        return any((self.path / name).glob("*.py"))


def where_installed(top: str) -> str:
    """Return where a package comes from: `python`, `installed`, its path if it is neither, or empty if there is none."""
    if top in _OURS:
        return "installed"
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return "python"
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # a module without a spec, such as `__main__`
        spec = None
    if spec is None:
        return ""
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    paths = [Path(place) for place in places if place and place not in ("built-in", "frozen", "namespace")]
    if not paths or any(map(_is_installed, paths)):
        return "installed"
    return str(paths[0])


def distributions_of(tops: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the installed distributions that bring top-level packages."""
    others = [top for top in tops if top not in _OURS and top not in sys.stdlib_module_names]
    if not others:
        return ()
    known = _packages()
    return tuple(sorted({name for top in others for name in known.get(top, ())}))


@cache
def _packages() -> Mapping[str, list[str]]:
    return packages_distributions()


def _is_installed(path: Path) -> bool:
    if _INSTALLED_FOLDERS & set(path.parts):
        return True
    return any(path.is_relative_to(folder) for folder in _installed_folders())


@cache
def _installed_folders() -> tuple[Path, ...]:
    """Return where packages are installed, and the checkouts of those that are used in place (`pip install -e`)."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages()}
    for installed in distributions():
        try:
            origin = json.loads(installed.read_text("direct_url.json") or "{}")
        except ValueError:
            continue
        if origin.get("dir_info", {}).get("editable"):
            folders.add(url2pathname(urlsplit(origin["url"]).path))
    return tuple(Path(folder) for folder in folders if folder)


def _imported_by_call(node: ast.Call) -> str:
    """Return the module that a call such as `importlib.import_module("x")` names."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = node.args[0] if node.args else None
    if name in ("import_module", "__import__") and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if len(node.args) == 1 and not first.value.startswith(".") else ""
    return ""


def _is_for_type_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _handles_import_errors(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(name, "id", "") in _OPTIONAL for name in names)
