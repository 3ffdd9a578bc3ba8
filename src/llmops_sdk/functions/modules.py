"""The modules of a function's files, made from the texts in a plan. No folder of the user is on the path for them.

The files of one plan are a package of their own, so two plans, or two versions of a file, may have modules of one name.
Their `import` statements find the files of the package first, at any time and in any thread.
"""

from __future__ import annotations

import builtins
import importlib
import io
import linecache
import sys
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType

from llmops_sdk.errors import SpecError
from llmops_sdk.functions.imports import where_installed
from llmops_sdk.values.serial import digest

PACKAGE = "llmops_files"
"""The package of all files."""

_LOADING: ContextVar[str] = ContextVar("loading", default="")


def load_module(files: Mapping[str, str], file: str, folder: Path | None = None) -> ModuleType:
    """Return the module of a file.

    Args:
        files: The texts of the file and of what it imports from its folder.
        file: The file.
        folder: Where the files are, as far as that is known: tracebacks then have their paths.

    Raises:
        SpecError: Such a file is being imported already.
        Exception: Whatever its code raises.
    """
    refuse_while_loading("uses a pipeline")
    package = _FINDER.add(files, folder)
    name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    token = _LOADING.set(file)
    try:
        return importlib.import_module(f"{package}.{name}")
    finally:
        _LOADING.reset(token)


def refuse_while_loading(action: str) -> None:
    """Refuse to build or run a pipeline inside of the import of a file with a function of it.

    Args:
        action: What is refused, as the message states it.

    Raises:
        SpecError: Such a file is being imported.
    """
    file = _LOADING.get()
    if file:
        message = (
            f"{file!r} {action} when it is imported, and a pipeline imports it to find its functions: put that below "
            '`if __name__ == "__main__":`'
        )
        raise SpecError(message)


class _Files:
    """The files of one plan.

    Attributes:
        package: The package that their modules are in.
        tops: The names of their top-level modules.
    """

    def __init__(self, package: str, files: Mapping[str, str], folder: Path | None) -> None:
        self.package = package
        self.files = files
        self.folder = folder
        self.tops = {name.partition("/")[0].removesuffix(".py") for name in files}
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._importlib = self._own_importlib()
        self._allowed: set[str] = set()

    def find(self, module: str) -> str | None:
        """Return the file of a module, an empty text for a folder without `__init__.py`, or None."""
        base = module.replace(".", "/")
        for name in (f"{base}/__init__.py", f"{base}.py"):
            if name in self.files:
                return name
        return "" if any(name.startswith(f"{base}/") for name in self.files) else None

    def filename(self, file: str) -> str:
        """Return what tracebacks call a file."""
        return str(self.folder / file) if self.folder else file

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the signature of `__import__`
        locals: Mapping[str, object] | None = None,  # noqa: A002 - the same
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as `__import__` does, with the modules of the files first."""
        top = name.partition(".")[0]
        if level == 0 and top in self.tops and top not in sys.builtin_module_names:
            own = f"{self.package}.{name}"
            if fromlist:
                return builtins.__import__(own, globals, locals, fromlist, 0)
            importlib.import_module(own)
            return sys.modules[f"{self.package}.{top}"]
        if level == 0:
            self._check(top)
        if name == "importlib" and level == 0:
            return self._importlib
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    def _check(self, top: str) -> None:
        if top in self._allowed:
            return
        home = where_installed(top)
        if home not in ("", "python", "installed"):
            message = (
                f"{top!r} of {home!r} is neither in the folder of {next(iter(self.files))!r} nor installed, so it would not "
                "travel with a run"
            )
            raise ImportError(message)
        self._allowed.add(top)

    def _own_importlib(self) -> ModuleType:
        """Return `importlib` with an `import_module` that finds the modules of the files first."""

        def import_module(name: str, package: str | None = None) -> ModuleType:
            top = name.partition(".")[0]
            if top in self.tops:
                return importlib.import_module(f"{self.package}.{name}")
            if top:
                self._check(top)
            return importlib.import_module(name, package)

        own = ModuleType("importlib")
        own.__dict__.update(vars(importlib), import_module=import_module)
        return own


class _Loader(InspectLoader):
    """Makes the module of one file."""

    def __init__(self, files: _Files, file: str) -> None:
        self._files = files
        self._file = file

    def get_source(self, fullname: str) -> str:
        return self._files.files.get(self._file, "")

    def is_package(self, fullname: str) -> bool:
        return not self._file or self._file.endswith("/__init__.py")

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_source(fullname), self._files.filename(self._file), "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        filename, text = self._files.filename(self._file), self.get_source(module.__name__)
        linecache.cache[filename] = (len(text), None, io.StringIO(text).readlines(), filename)
        vars(module)["__builtins__"] = self._files.builtins
        exec(self.get_code(module.__name__), vars(module))  # noqa: S102 - this is how a module is made


class _Finder(MetaPathFinder):
    """Finds the modules of all files of this process."""

    def __init__(self) -> None:
        self._by_package: dict[str, _Files] = {}
        self._lock = threading.Lock()

    def add(self, files: Mapping[str, str], folder: Path | None) -> str:
        """Return the package of some files."""
        package = f"{PACKAGE}.f{digest(dict(files))[:16]}"
        with self._lock:
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)
            if PACKAGE not in sys.modules:
                sys.modules[PACKAGE] = _empty_package(PACKAGE)
            if package not in self._by_package:
                self._by_package[package] = _Files(package, dict(files), folder)
                sys.modules[package] = _empty_package(package)
        return package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of some files; None for all others."""
        if not fullname.startswith(f"{PACKAGE}."):
            return None
        parts = fullname.split(".")
        files = self._by_package.get(".".join(parts[:2]))
        file = files.find(".".join(parts[2:])) if files else None
        if files is None or file is None:
            return None
        return spec_from_loader(fullname, _Loader(files, file), origin=files.filename(file))


def _empty_package(name: str) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = []
    return package


_FINDER = _Finder()
