"""Debian packages as a source of assets."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from llmops_sdk.plugin import AssetError, AssetSource, Progress


@attrs.frozen
class DebianSource(AssetSource):
    """Downloads Debian packages with `apt-get download`, which needs no root, and takes files out of them.

    Attributes:
        packages: Name -> the prefix that its version must have, or "" for any version.
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
                (folder / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(Path(root, source), folder / target)
        return metadata

    def _unpack(self, name: str, prefix: str, root: Path) -> str:
        """Download one package and unpack it below `root`; return its version."""
        with tempfile.TemporaryDirectory(dir=root.parent) as box:
            _run(["apt-get", "download", "-qq", name], box)
            files = [path.name for path in Path(box).glob("*.deb")]
            if len(files) != 1:
                message = f"apt-get left {len(files)} files for {name!r}"
                raise AssetError(message)
            version = _run(["dpkg-deb", "-f", files[0], "Version"], box).strip()
            if not version.startswith(prefix):
                message = f"{name!r} has the version {version!r}, and {prefix!r} is needed"
                raise AssetError(message)
            _run(["dpkg-deb", "-x", files[0], str(root)], box)
        return version


def _run(command: list[str], folder: str) -> str:
    """Run a tool and return its output; if it fails, the last line of its errors is the reason."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        message = f"{command[0]}: {lines[-1]}"
        raise AssetError(message)
    return done.stdout
