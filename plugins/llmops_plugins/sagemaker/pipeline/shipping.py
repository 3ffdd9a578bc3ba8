"""The requirements of a container: this project and the plugins of a plan. Nothing else of the user's folder is shipped.

A released distribution is a pinned requirement. One that is installed from a folder (editable, or `pip install .`) is
built into a wheel. A plugin without a distribution, a module that was added with `Registry.add`, is packed into a wheel of
its own. So are the distributions that functions of the user's own files import; the files themselves are in the plan.
A staging folder holds the wheels, and nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from llmops_plugins.sagemaker.pipeline.wheels import build_wheel, pack_module
from llmops_sdk.plugin import Plan, SpecError

PROJECT = "llmops-sdk"
OWN_EXTRA = "sagemaker"
WORKSPACE = "sagemaker_remote_function_workspace"
"""The folder into which a container unpacks the staging folder; pip runs beside it."""


@attrs.frozen
class Shipment:
    """The shipped files and requirements.

    Attributes:
        folder: The staging folder, which holds the wheels and nothing else.
        requirements: The lines of the requirements file.
    """

    folder: Path
    requirements: tuple[str, ...]

    @property
    def text(self) -> str:
        """The requirements file."""
        return "".join(f"{line}\n" for line in self.requirements)


def ship(plan: Plan, registry: Any, folder: Path, *, sagemaker_version: str, more: Iterable[str] = ()) -> Shipment:
    """Fill a staging folder with the wheels that a plan needs, and return it with the requirements.

    Args:
        plan: The plan.
        registry: The plugins.
        folder: The staging folder, which is empty.
        sagemaker_version: The version of the SageMaker SDK: only the same version can read its pickles.
        more: Further lines of the requirements file.

    Raises:
        SpecError: A plugin cannot be shipped; the message has the reason.
    """
    extras = _extras(plan, registry)
    imported = (name for function in plan.functions for name in function.distributions)
    names = dict.fromkeys((PROJECT, *(pin.distribution for pin in plan.plugins if pin.distribution), *imported))
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

    The libraries of an evaluator may depend on its options: if its card names no extra, the extra with the name of its
    plugin has them.
    """
    extras: dict[str, set[str]] = {PROJECT: {OWN_EXTRA}}
    used = [("evaluator", evaluator.use) for evaluator in plan.evaluators]
    for model in plan.model_by_name.values():
        used.append(("deployer", model.deployer.use))
        used.extend([("trainer", model.trainer.use)] if model.trainer else [])
    for kind, name in used:
        offer = registry.offer(kind, name)
        owner = offer.plugin.distribution
        extra = offer.card.extra or (offer.plugin.name if kind == "evaluator" else "")
        if owner and extra in (_distribution(owner).metadata.get_all("Provides-Extra") or ()):
            extras.setdefault(owner, set()).add(extra)
    return extras


# -- distributions ------------------------------------------------------------------------------


def _requirement(name: str, extras: Iterable[str], folder: Path) -> str:
    """Return the requirement line of an installed distribution, and put its wheel into the folder if it needs one."""
    installed = _distribution(name)
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if not url:
        return f"{name}{_brackets(extras)}=={installed.version}"
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
    message = (
        f"distribution {name!r} was installed from {str(source)!r}, which no longer exists: install it again to ship it"
    )
    raise SpecError(message)


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as exc:
        message = f"distribution {name!r}, which has a plugin of the plan, is not installed"
        raise SpecError(message) from exc


def _brackets(extras: Iterable[str]) -> str:
    joined = ",".join(extras)
    return f"[{joined}]" if joined else ""


def _local(wheel: Path, extras: Iterable[str]) -> str:
    return f"./{WORKSPACE}/{wheel.name}{_brackets(extras)}"


# -- modules ------------------------------------------------------------------------------------


def _homes(plan: Plan) -> tuple[Path, ...]:
    """Return the folders of the packages that are shipped as distributions."""
    import llmops_plugins.sagemaker
    import llmops_sdk

    own = (Path(str(llmops_sdk.__file__)).parent, Path(str(llmops_plugins.sagemaker.__file__)).parents[1])
    others = (_distribution(pin.distribution) for pin in plan.plugins if pin.distribution not in ("", PROJECT))
    return (*own, *(Path(str(other.locate_file(file))).parent for other in others for file in _packages(other)))


def _packages(installed: Distribution) -> Iterator[str]:
    for file in installed.files or ():
        if file.name == "__init__.py" and len(file.parts) == 2:  # noqa: PLR2004 - package/__init__.py
            yield str(file)


def _is_in(module: Any, homes: Iterable[Path]) -> bool:
    path = Path(str(getattr(module, "__file__", ""))).resolve()
    return any(home.resolve() in path.parents for home in homes)
