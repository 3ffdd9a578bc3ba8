"""Folders of NLTK's data as sources of assets: on this machine, and from NLTK's server."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.nltk_data import NltkDataSource, NltkDownloadSource
from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import AssetSource

WORDNET = "corpora/wordnet"
PUNKT = "tokenizers/punkt_tab/english"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    return fetched


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package as NLTK's server gives it: `corpora/wordnet.zip`, with the folder `wordnet` inside."""
    path = tmp_path / "nltk_data" / "corpora" / "wordnet.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("wordnet/data.noun", "  1 WordNet 3.0 Copyright 2006\n")
        packed.writestr("wordnet/index.noun", "")
    return path


def fetch(source: AssetSource, folder: Path) -> dict[str, str]:
    return dict(source.fetch(folder, home=folder, progress=Progress()))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_unpacked_nltk_data_is_copied(tmp_path: Path, folder: Path) -> None:
    """It comes from the first of NLTK's folders that has it."""
    (tmp_path / "empty").mkdir()
    unpacked = tmp_path / "nltk_data" / PUNKT
    unpacked.mkdir(parents=True)
    (unpacked / "abbrev_types.txt").write_text("dr\n")
    metadata = fetch(NltkDataSource(PUNKT, [tmp_path / "empty", tmp_path / "nltk_data"]), folder)

    assert metadata == {"folder": str(tmp_path / "nltk_data")}
    assert files(folder) == [f"{PUNKT}/abbrev_types.txt"]


def test_packed_nltk_data_is_unpacked(archive: Path, folder: Path) -> None:
    """NLTK leaves WordNet as a zip; only the folder of the asset is taken from it."""
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("other/file", "")
    fetch(NltkDataSource(WORDNET, [archive.parent.parent]), folder)

    assert files(folder) == [f"{WORDNET}/data.noun", f"{WORDNET}/index.noun"]


def test_by_default_nltks_own_folders_are_searched(
    archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is `nltk.data.path`, which NLTK_DATA extends."""
    monkeypatch.setattr("nltk.data.path", [str(archive.parent.parent)])
    fetch(NltkDataSource(WORDNET), folder)
    assert f"{WORDNET}/data.noun" in files(folder)

    monkeypatch.setattr("nltk.data.path", [str(folder / "no")])
    with pytest.raises(AssetError, match=r"no tokenizers/punkt_tab/english in '.*no'"):
        fetch(NltkDataSource(PUNKT), folder)


@pytest.fixture
def nltk_server(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """NLTK's server on loopback, with one package. NLTK itself refuses loopback; its opener is replaced by Python's."""
    from urllib.request import urlopen

    handler = partial(_Quiet, directory=str(archive.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        content = archive.read_bytes()
        with zipfile.ZipFile(archive) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        (archive.parent / "index.xml").write_text(
            f'<nltk_data><packages><package id="wordnet" name="WordNet" subdir="corpora" url="{url}/wordnet.zip" '
            f'unzip="0" size="{len(content)}" unzipped_size="{unpacked}" checksum="{hashlib.md5(content).hexdigest()}" '
            f'sha256_checksum="{hashlib.sha256(content).hexdigest()}"/></packages><collections/></nltk_data>'
        )
        monkeypatch.setattr("nltk.downloader.urlopen", urlopen)
        monkeypatch.setattr("nltk.downloader.Downloader.DEFAULT_URL", f"{url}/index.xml")
        yield archive.parent
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep requests out of the test's output."""


@pytest.mark.usefixtures("nltk_server")
def test_nltks_downloader_fetches_a_package(folder: Path) -> None:
    """Into the asset's folder; NLTK's own list of folders is unchanged."""
    from nltk import data

    before = list(data.path)
    metadata = fetch(NltkDownloadSource(WORDNET), folder)

    assert metadata == {"package": "wordnet"}
    assert files(folder) == [f"{WORDNET}/data.noun", f"{WORDNET}/index.noun"]
    assert before == data.path


def test_a_failed_download_is_an_error_with_the_reason(
    nltk_server: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed, and no file is left."""
    (nltk_server / "index.xml").unlink()
    with pytest.raises(AssetError, match=r"NLTK's server did not send 'wordnet': .*404"):
        fetch(NltkDownloadSource(WORDNET), folder)

    assert files(folder) == []
    assert capsys.readouterr() == ("", "")
