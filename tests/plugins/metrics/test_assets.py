"""Where the assets of the metrics come from, each source by itself."""

from __future__ import annotations

import hashlib
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.assets import (
    HubSource,
    NltkDataSource,
    NltkDownloadSource,
    complete_wordnet,
    metrics_assets,
)
from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import AssetSource

WORDNET = "corpora/wordnet"
PUNKT = "tokenizers/punkt_tab/english"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fetched"
    made.mkdir()
    return made


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


def test_every_asset_is_complete_and_right(asset: Callable[[str], Path]) -> None:
    """Fetched for real: every named file is there, with its pinned hash where it has one."""
    from llmops_sdk.assets.asset import verify_asset

    for one in metrics_assets():
        home = asset(one.name).parent.parent

        assert verify_asset(one, home) == ()
        assert one.size == pytest.approx(sum(path.stat().st_size for path in asset(one.name).rglob("*")), rel=0.2)


def test_nltks_own_reader_can_open_the_wordnet_asset(nltk_data: Any) -> None:
    """Its list of lexicographer files, which Debian's packages lack, is among the files."""
    wordnet = nltk_data.wordnet

    assert wordnet.get_version() == "3.0"
    assert wordnet.synset("dog.n.01").lexname() == "noun.animal"
    assert wordnet.synset("quickly.r.01").lexname() == "adv.all"


def test_unpacked_nltk_data_is_copied(tmp_path: Path, folder: Path) -> None:
    """The first of NLTK's folders that has it is taken."""
    (tmp_path / "empty").mkdir()
    found = tmp_path / "nltk_data" / PUNKT
    found.mkdir(parents=True)
    (found / "abbrev_types.txt").write_text("dr\n")
    metadata = fetch(NltkDataSource(PUNKT, [tmp_path / "empty", tmp_path / "nltk_data"]), folder)

    assert metadata == {"folder": str(tmp_path / "nltk_data")}
    assert files(folder) == [f"{PUNKT}/abbrev_types.txt"]


def test_packed_nltk_data_is_unpacked(archive: Path, folder: Path) -> None:
    """NLTK leaves WordNet as a zip; of it, the wanted folder is taken."""
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("other/file", "")
    fetch(NltkDataSource(WORDNET, [archive.parent.parent]), folder)

    assert files(folder) == [f"{WORDNET}/data.noun", f"{WORDNET}/index.noun"]


def test_by_default_nltks_own_folders_are_looked_into(
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
    """NLTK's server on loopback, with one package. NLTK itself refuses loopback, so its opener is Python's here."""
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
        """Say nothing."""


@pytest.mark.usefixtures("nltk_server")
def test_nltks_downloader_brings_a_package(folder: Path) -> None:
    """Into a folder of ours: NLTK's list of folders is as before."""
    from nltk import data

    before = list(data.path)
    metadata = fetch(NltkDownloadSource(WORDNET), folder)

    assert metadata == {"package": "wordnet"}
    assert files(folder) == [f"{WORDNET}/data.noun", f"{WORDNET}/index.noun"]
    assert before == data.path


def test_a_failed_download_tells_the_reason(
    nltk_server: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed and nothing is left behind."""
    (nltk_server / "index.xml").unlink()
    with pytest.raises(AssetError, match=r"NLTK's server did not give 'wordnet': .*404"):
        fetch(NltkDownloadSource(WORDNET), folder)

    assert files(folder) == []
    assert capsys.readouterr() == ("", "")


def test_files_are_taken_from_the_hubs_cache(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without touching the network; what is not there is told."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    stored = tmp_path / "hub" / "models--some--encoder"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    (stored / "snapshots" / commit).mkdir(parents=True)
    (stored / "snapshots" / commit / "config.json").write_text("{}")
    (stored / "snapshots" / commit / "model.safetensors").write_text("")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    metadata = fetch(HubSource("some/encoder", ("config.json",), cached=True), folder)

    assert metadata == {"repository": "some/encoder", "version": commit}
    assert files(folder) == ["config.json"]
    with pytest.raises(AssetError, match=r"'some/encoder' has no file 'vocab.txt'"):
        fetch(HubSource("some/encoder", ("vocab.txt",), cached=True), folder)
    with pytest.raises(AssetError, match=r"no model 'no/such' in its cache"):
        fetch(HubSource("no/such", ("config.json",), cached=True), folder)


def test_another_wordnet_is_refused(folder: Path) -> None:
    """Version 3.1 has other synonyms, and METEOR other values."""
    (folder / WORDNET).mkdir(parents=True)
    (folder / WORDNET / "data.noun").write_text("  1 WordNet 3.1 Copyright 2011\n")
    with pytest.raises(AssetError, match=r"it is not WordNet 3.0"):
        complete_wordnet(folder)


def test_the_list_of_lexicographer_files_is_written_only_where_it_is_missing(
    asset: Callable[[str], Path], folder: Path
) -> None:
    """45 lines, numbered from 0; a list that came with the files is kept."""
    (folder / WORDNET).mkdir(parents=True)
    shutil.copy(asset("wordnet") / WORDNET / "data.noun", folder / WORDNET)
    complete_wordnet(folder)
    lines = (folder / WORDNET / "lexnames").read_text().splitlines()

    assert (len(lines), lines[0], lines[3], lines[44]) == (45, "00\tadj.all\t3", "03\tnoun.Tops\t1", "44\tadj.ppl\t3")
    (folder / WORDNET / "lexnames").write_text("kept")
    complete_wordnet(folder)
    assert (folder / WORDNET / "lexnames").read_text() == "kept"
