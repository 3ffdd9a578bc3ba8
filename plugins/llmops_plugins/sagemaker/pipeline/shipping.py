"""What a container must install: this project and the plugins that a plan uses, and nothing of the user's folder.

A released distribution is a pinned requirement. One that is installed from a folder (editable, or `pip install .`) is
built into a wheel from its source. A plugin that belongs to no distribution, a module added with `Registry.add`, is
packed into a wheel of its own. Wheels are put into a staging folder that has nothing else in it.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from llmops_sdk.plugin import Plan, SpecError

PROJECT = "llmops-sdk"
OWN_EXTRA = "sagemaker"
WORKSPACE = "sagemaker_remote_function_workspace"
"""The folder into which a container unpacks the staging folder; pip is run beside it."""

_GROUP = "llmops_sdk"
_BUILD_SECONDS = 600.0
_BUILD = "import importlib, sys; print(getattr(importlib.import_module(sys.argv[1]), 'build_wheel')(sys.argv[2]))"


@attrs.frozen
class Shipment:
    """What is shipped.

    Attributes:
        folder: The staging folder, with the wheels and nothing else.
        requirements: Lines of a requirements file.
    """

    folder: Path
    requirements: tuple[str, ...]

    @property
    def text(self) -> str:
        """The requirements file."""
        return "".join(f"{line}\n" for line in self.requirements)


def ship(plan: Plan, registry: Any, folder: Path, *, sagemaker_version: str, more: Iterable[str] = ()) -> Shipment:
    """Fill a staging folder with what a plan needs beside what can be installed by name.

    Args:
        plan: The plan.
        registry: The plugins.
        folder: The staging folder, which is empty.
        sagemaker_version: Of the SageMaker SDK here: pickles are read by the same version only.
        more: Further lines of the requirements file.

    Raises:
        SpecError: A plugin cannot be shipped; says why.
    """
    extras = _extras(plan, registry)
    names = dict.fromkeys((PROJECT, *(pin.distribution for pin in plan.plugins if pin.distribution)))
    lines = [_requirement(name, sorted(extras.get(name, set())), folder) for name in names]
    homes = _homes(plan)
    for pin in plan.plugins:
        if not pin.distribution:
            module = registry.module(pin.name)
            lines.append(_local(pack_module(pin.name, module, folder, with_code=not _is_in(module, homes)), ()))
    lines.append(f"sagemaker=={sagemaker_version}")
    return Shipment(folder, (*lines, *more))


def _extras(plan: Plan, registry: Any) -> Mapping[str, set[str]]:
    """Return the extras that the steps of a plan need, by distribution. Datasets and prompts are read on the client.

    Which libraries an evaluator imports may depend on its options; where its card names no extra, the one that has its
    plugin's name brings them.
    """
    found: dict[str, set[str]] = {PROJECT: {OWN_EXTRA}}
    used = [("evaluator", evaluator.use) for evaluator in plan.evaluators]
    for model in plan.models:
        used.append(("deployer", model.deployer.use))
        used.extend([("trainer", model.trainer.use)] if model.trainer else [])
    for kind, name in used:
        offer = registry.offer(kind, name)
        owner = offer.plugin.distribution
        extra = offer.card.extra or (offer.plugin.name if kind == "evaluator" else "")
        if owner and extra in (_distribution(owner).metadata.get_all("Provides-Extra") or ()):
            found.setdefault(owner, set()).add(extra)
    return found


# -- distributions ------------------------------------------------------------------------------


def _requirement(name: str, extras: Iterable[str], folder: Path) -> str:
    """Return the requirement line of an installed distribution; puts its wheel into the folder where it needs one."""
    found = _distribution(name)
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if not url:
        return f"{name}{_brackets(extras)}=={found.version}"
    if "vcs_info" in origin:
        commit = origin["vcs_info"]
        return f"{name}{_brackets(extras)} @ {commit['vcs']}+{url}@{commit['commit_id']}"
    if not url.startswith("file:"):
        return f"{name}{_brackets(extras)} @ {url}"
    source = Path(unquote(urlsplit(url).path))
    if source.suffix == ".whl" and source.is_file():
        return _local(Path(shutil.copy2(source, folder)), extras)
    if source.is_dir():
        return _local(build_wheel(name, source, folder), extras)
    message = f"distribution {name!r} was installed from {str(source)!r}, which is gone: install it again, so that it can be shipped"
    raise SpecError(message)


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as exc:
        message = f"distribution {name!r}, which has a plugin of the plan, is not installed here"
        raise SpecError(message) from exc


def _brackets(extras: Iterable[str]) -> str:
    joined = ",".join(extras)
    return f"[{joined}]" if joined else ""


def _local(wheel: Path, extras: Iterable[str]) -> str:
    return f"./{WORKSPACE}/{wheel.name}{_brackets(extras)}"


def build_wheel(name: str, source: Path, folder: Path) -> Path:
    """Build the wheel of a source folder into another folder, and return its path.

    Where the build backend is installed here, it is called as PEP 517 says, which takes no network; else pip or uv
    make an environment for it.

    Raises:
        SpecError: It cannot be built: the end of what the builder said.
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
    made = [path for path in folder.iterdir() if path not in before and path.suffix == ".whl"]
    if done.returncode or not made:
        said = " / ".join(line.strip() for line in done.stderr.splitlines()[-3:] if line.strip())
        message = f"distribution {name!r} cannot be built into a wheel from {str(source)!r}: {said}"
        raise SpecError(message)
    for path in set(folder.iterdir()) - before - set(made):  # such as the .gitignore of uv
        path.unlink()
    return made[0]


def _backend(source: Path) -> str:
    """Return the build backend that a project names, where that is plain to see; an empty text else."""
    try:
        text = (source / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return ""
    table = text.partition("[build-system]")[2].partition("\n[")[0]
    if "backend-path" in table:
        return ""
    lines = (line.partition("=") for line in table.splitlines())
    return next((value.split("#")[0].strip(" \"'") for key, _, value in lines if key.strip() == "build-backend"), "")


# -- modules ------------------------------------------------------------------------------------


def _homes(plan: Plan) -> tuple[Path, ...]:
    """Return where the packages are that are shipped as distributions."""
    import llmops_plugins.sagemaker
    import llmops_sdk

    own = (Path(str(llmops_sdk.__file__)).parent, Path(str(llmops_plugins.sagemaker.__file__)).parents[1])
    others = (_distribution(pin.distribution) for pin in plan.plugins if pin.distribution not in ("", PROJECT))
    return (*own, *(Path(str(found.locate_file(file))).parent for found in others for file in _packages(found)))


def _packages(found: Distribution) -> Iterator[str]:
    for file in found.files or ():
        if file.name == "__init__.py" and len(file.parts) == 2:  # noqa: PLR2004 - package/__init__.py
            yield str(file)


def _is_in(module: Any, homes: Iterable[Path]) -> bool:
    path = Path(str(getattr(module, "__file__", ""))).resolve()
    return any(home.resolve() in path.parents for home in homes)


def pack_module(name: str, module: Any, folder: Path, *, with_code: bool) -> Path:
    """Pack a plugin that is one module into a wheel that has it as an entry point, and return the wheel's path.

    Args:
        name: Of the plugin.
        module: The module.
        folder: Where the wheel is put.
        with_code: Whether the module's file goes into the wheel; False where another distribution has it.

    Raises:
        SpecError: It is no module of one file.
    """
    path = Path(inspect.getsourcefile(module) or "") if isinstance(module, ModuleType) else Path()
    module_name = getattr(module, "__name__", "")
    plain = path.suffix == ".py" and module_name != "__main__"
    if not plain or (with_code and (path.name == "__init__.py" or "." in module_name)):
        message = (
            f"plugin {name!r} belongs to no installed distribution and is no module of one file,"
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
    def line(inside: str, data: bytes) -> str:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{inside},sha256={hashed},{len(data)}\n"

    return ("".join(line(inside, data) for inside, data in files.items()) + f"{own},,\n").encode()
