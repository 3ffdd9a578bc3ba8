"""Folders of NLTK's data as sources of assets: those on this machine, and NLTK's own download."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from llmops_sdk.plugin import AssetError, AssetSource, Progress, install_hint


class NltkDataSource(AssetSource):
    """Takes a folder of NLTK's data that is on this machine already, unpacked or as the zip that NLTK downloads.

    Args:
        member: The folder, `corpora/wordnet` or `tokenizers/punkt_tab/english`.
        roots: Where to look; by default where NLTK does (`nltk.data.path`).
    """

    needs_network = False

    def __init__(self, member: str, roots: Iterable[Path] | None = None) -> None:
        self.label = "NLTK's data folders"
        self._member = member
        self._roots = roots

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the folder from the first root that has it."""
        del home, progress
        roots = _nltk_roots() if self._roots is None else tuple(self._roots)
        for root in roots:
            if _take(root, self._member, folder):
                return {"folder": str(root)}
        message = f"no {self._member} in {', '.join(repr(str(root)) for root in roots) or 'any folder'}"
        raise AssetError(message)


class NltkDownloadSource(AssetSource):
    """Downloads a package of NLTK's data with NLTK's own downloader, into a temporary folder.

    Args:
        member: The folder to take from it; its second part names the package (`wordnet`, `punkt_tab`).
    """

    def __init__(self, member: str) -> None:
        self.label = "NLTK's download"
        self._member = member

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Download the package and unpack the folder."""
        del home
        package = self._member.split("/")[1]
        with tempfile.TemporaryDirectory(dir=folder) as box, progress.task(f"downloading NLTK's {package}"):
            _download(package, box)
            if not _take(Path(box), self._member, folder):
                message = f"NLTK's package {package!r} has no {self._member!r}"
                raise AssetError(message)
        return {"package": package}


def _no_nltk() -> str:
    return f"nltk is not installed: {install_hint('metrics')}"


def _nltk_roots() -> tuple[Path, ...]:
    try:
        from nltk import data
    except ImportError as exc:
        raise AssetError(_no_nltk()) from exc
    return tuple(map(Path, data.path))


def _download(package: str, folder: str) -> None:
    try:
        from nltk import data
        from nltk.downloader import Downloader
    except ImportError as exc:
        raise AssetError(_no_nltk()) from exc
    paths = list(data.path)
    try:
        Downloader().download(
            package, download_dir=folder, quiet=True, raise_on_error=True, print_error_to=io.StringIO()
        )
    except (OSError, ValueError) as exc:
        message = f"NLTK's server did not send {package!r}: {exc}"
        raise AssetError(message) from exc
    finally:
        data.path[:] = paths  # the downloader adds its folder, which is about to be deleted


def _take(root: Path, member: str, target: Path) -> bool:
    """Copy a folder of NLTK's data below a root, out of a folder or a zip; return whether the root has it.

    The zip of `tokenizers/punkt_tab` is `tokenizers/punkt_tab.zip` and holds `punkt_tab/...`.
    """
    kind, package = member.split("/")[:2]
    if (root / member).is_dir():
        shutil.copytree(root / member, target / member)
        return True
    archive = root / kind / f"{package}.zip"
    if not archive.is_file():
        return False
    with zipfile.ZipFile(archive) as packed:
        prefix = f"{member.removeprefix(kind + '/')}/"
        names = [name for name in packed.namelist() if name.startswith(prefix)]
        packed.extractall(target / kind, names)
    return bool(names)
