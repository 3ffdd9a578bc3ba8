"""Wheels of local code: built from a source folder, or packed from a module of one file."""

from __future__ import annotations

import base64
import hashlib
import inspect
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from llmops_sdk.plugin import SpecError

_GROUP = "llmops_sdk"
_BUILD_SECONDS = 600.0
_BUILD = "import importlib, sys; print(getattr(importlib.import_module(sys.argv[1]), 'build_wheel')(sys.argv[2]))"


def build_wheel(name: str, source: Path, folder: Path) -> Path:
    """Build the wheel of a source folder into another folder, and return its path.

    An installed build backend is called as PEP 517 defines, which needs no network; otherwise pip or uv make an
    environment for it.

    Raises:
        SpecError: It cannot be built; the message has the last lines of the builder.
    """
    backend = _backend(source)
    before = set(folder.iterdir())
    if backend and find_spec(backend.partition(".")[0]):
        command = [sys.executable, "-c", _BUILD, backend, str(folder)]
    elif find_spec("pip"):
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(source),
        ]
    else:
        command = [shutil.which("uv") or "uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
    try:
        done = subprocess.run(  # noqa: S603 - the project's own builder
            command, cwd=source, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        message = f"distribution {name!r} cannot be built into a wheel from {str(source)!r}: {exc}"
        raise SpecError(message) from exc
    wheels = [path for path in folder.iterdir() if path not in before and path.suffix == ".whl"]
    if done.returncode or not wheels:
        output = " / ".join(line.strip() for line in done.stderr.splitlines()[-3:] if line.strip())
        message = f"distribution {name!r} cannot be built into a wheel from {str(source)!r}: {output}"
        raise SpecError(message)
    for path in set(folder.iterdir()) - before - set(wheels):  # such as the .gitignore of uv
        path.unlink()
    return wheels[0]


def _backend(source: Path) -> str:
    """Return the build backend of a project, or an empty text if it is not plainly a package of its own."""
    try:
        text = (source / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return ""
    table = text.partition("[build-system]")[2].partition("\n[")[0]
    if "backend-path" in table:
        return ""
    lines = (line.partition("=") for line in table.splitlines())
    return next((value.split("#")[0].strip(" \"'") for key, _, value in lines if key.strip() == "build-backend"), "")


def pack_module(name: str, module: Any, folder: Path, *, with_code: bool) -> Path:
    """Pack a plugin of one module into a wheel with an entry point, and return the path of the wheel.

    Args:
        name: The name of the plugin.
        module: The module.
        folder: The folder for the wheel.
        with_code: Whether the wheel contains the module's file; False if another distribution does.

    Raises:
        SpecError: It is not a module of one file.
    """
    path = Path(inspect.getsourcefile(module) or "") if isinstance(module, ModuleType) else Path()
    module_name = getattr(module, "__name__", "")
    is_file = path.suffix == ".py" and module_name != "__main__"
    if not is_file or (with_code and (path.name == "__init__.py" or "." in module_name)):
        message = (
            f"plugin {name!r} belongs to no installed distribution and is not a module of one file,"
            " so it cannot be shipped to SageMaker: make it a package with an entry point"
        )
        raise SpecError(message)
    code = {f"{module_name}.py": path.read_bytes()} if with_code else {}
    version = f"0+{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    distribution_name = f"llmops_plugin_{''.join(letter if letter.isalnum() else '_' for letter in name)}"
    info = f"{distribution_name}-{version}.dist-info"
    files = {
        **code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution_name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: llmops-sdk\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{_GROUP}]\n{name} = {module_name}\n".encode(),
    }
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    wheel = folder / f"{distribution_name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, data in files.items():
            archive.writestr(zipfile.ZipInfo(inside, (2020, 1, 1, 0, 0, 0)), data)
    return wheel


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    """Return the RECORD of a wheel, which lists itself without a hash."""

    def line(inside: str, data: bytes) -> str:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{inside},sha256={hashed},{len(data)}\n"

    return ("".join(line(inside, data) for inside, data in files.items()) + f"{own},,\n").encode()
