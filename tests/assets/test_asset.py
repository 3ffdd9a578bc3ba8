"""Assets: fetching from real files, wheels, a package index on loopback and a Debian repository made here."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sysconfig
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import find_asset, get_asset, verify_asset
from llmops_sdk.assets.wheels import download, fetch_wheel
from llmops_sdk.plugin import Asset, AssetSource, DebianSource, FolderSource, WheelSource

WORDS = b"a list of words\n" * 5000
WORDS_SHA256 = hashlib.sha256(WORDS).hexdigest()


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.tasks: list[tuple[str, float | None, str]] = []
        self.done: list[float] = []

    def log(self, text: str) -> None:
        self.said.append(text)

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self.tasks.append((label, total, unit))

    def on_update(self, label: str, done: float, metadata: Mapping[str, str]) -> None:
        self.done.append(done)


def words_folder(tmp_path: Path, content: bytes = WORDS) -> Path:
    folder = tmp_path / "machine"
    (folder / "corpora" / "extra").mkdir(parents=True, exist_ok=True)
    (folder / "corpora" / "words.txt").write_bytes(content)
    (folder / "corpora" / "extra" / "more.txt").write_bytes(b"more")
    return folder


def words(*sources: AssetSource, **chosen: Any) -> Asset:
    files = {"words.txt": WORDS_SHA256}
    return Asset("words", "a list of words", 80_000, **{"files": files, "sources": sources, **chosen})


def from_folder(*folders: Path) -> FolderSource:
    return FolderSource("the machine's folders", folders, {"words.txt": "corpora/words.txt", "extra": "corpora/extra"})


class Refusing(AssetSource):
    """A source that has nothing."""

    label = "the far store"
    needs_network = True

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        (folder / "half").write_text("half")
        message = "it is closed"
        raise AssetError(message)


# -- getting, finding, verifying ----------------------------------------------------------------


def test_get(tmp_path: Path) -> None:
    """An asset is fetched once, with a manifest of where it came from and every file; then it is found."""
    home, machine = tmp_path / "home", words_folder(tmp_path)
    asset = words(from_folder(tmp_path / "absent", machine))
    assert find_asset(asset, home) is None
    assert verify_asset(asset, home) == ("it is not on this machine",)

    folder = get_asset(asset, home, progress=Progress())

    assert folder == home / "assets" / "words"
    assert (folder / "words.txt").read_bytes() == WORDS
    assert (folder / "extra" / "more.txt").read_bytes() == b"more"
    manifest = json.loads((folder / "asset.json").read_text())
    assert manifest["source"] == "the machine's folders"
    assert manifest["facts"] == {"folder": str(machine)}
    assert manifest["files"]["words.txt"] == {"size": len(WORDS), "sha256": WORDS_SHA256}
    assert set(manifest["files"]) == {"words.txt", "extra/more.txt"}
    assert find_asset(asset, home) == folder
    assert verify_asset(asset, home) == ()
    shutil.rmtree(machine)
    assert get_asset(asset, home, progress=Progress()) == folder


def test_copied_home(tmp_path: Path) -> None:
    """Copying the assets' folder to another home is enough to have them there."""
    asset = words(from_folder(words_folder(tmp_path)))
    get_asset(asset, tmp_path / "home", progress=Progress())
    shutil.copytree(tmp_path / "home" / "assets", tmp_path / "other" / "assets")

    assert get_asset(words(), tmp_path / "other", progress=Progress()) == tmp_path / "other" / "assets" / "words"


@pytest.mark.parametrize(
    ("breaking", "problem"),
    [
        (lambda folder: (folder / "words.txt").unlink(), "'words.txt' is missing"),
        (lambda folder: (folder / "words.txt").write_bytes(b"x"), f"'words.txt' has 1 bytes, not {len(WORDS)}"),
        (lambda folder: (folder / "asset.json").unlink(), "has no asset.json that can be read"),
        (lambda folder: (folder / "asset.json").write_text("{"), "has no asset.json that can be read"),
    ],
)
def test_broken_asset_is_fetched_again(tmp_path: Path, breaking: Any, problem: str) -> None:
    """A folder that is not what its manifest says is not used, and replaced."""
    home = tmp_path / "home"
    asset = words(from_folder(words_folder(tmp_path)))
    breaking(get_asset(asset, home, progress=Progress()))

    assert find_asset(asset, home) is None
    assert problem in verify_asset(asset, home)[0]
    folder = get_asset(asset, home, progress=Progress())
    assert (folder / "words.txt").read_bytes() == WORDS


def test_verify_reads_the_files(tmp_path: Path) -> None:
    """A file changed without changing its size is found by hashing only."""
    asset = words(from_folder(words_folder(tmp_path)))
    folder = get_asset(asset, tmp_path / "home", progress=Progress())
    (folder / "words.txt").write_bytes(WORDS.swapcase())

    assert find_asset(asset, tmp_path / "home") == folder
    assert verify_asset(asset, tmp_path / "home") == (
        "'words.txt' is not the file that was fetched: its SHA-256 differs",
    )


def test_new_pin(tmp_path: Path) -> None:
    """An asset fetched for another pinned hash is not taken for the one wanted now."""
    home = tmp_path / "home"
    asset = words(from_folder(words_folder(tmp_path)))
    get_asset(asset, home, progress=Progress())
    newer = attrs.evolve(asset, files={"words.txt": hashlib.sha256(WORDS * 2).hexdigest()})

    assert verify_asset(newer, home) == ("'words.txt' is another version than this release of the SDK uses",)
    words_folder(tmp_path, WORDS * 2)
    assert (get_asset(newer, home, progress=Progress()) / "words.txt").read_bytes() == WORDS * 2


def test_sources_in_order(tmp_path: Path) -> None:
    """The first source that can give the pinned file wins; one with another version is passed over."""
    other = FolderSource("an old copy", (words_folder(tmp_path / "old", b"old"),), {"words.txt": "corpora/words.txt"})
    asset = words(Refusing(), other, from_folder(words_folder(tmp_path)))

    folder = get_asset(asset, tmp_path / "home", progress=Progress())

    assert json.loads((folder / "asset.json").read_text())["source"] == "the machine's folders"
    assert not (folder / "half").exists()


def test_no_source(tmp_path: Path) -> None:
    """When nothing can give it, one line tells every reason and what to do, and nothing is left behind."""
    old = FolderSource("an old copy", (words_folder(tmp_path, b"old"),), {"words.txt": "corpora/words.txt"})
    lacking = FolderSource("a poor copy", (tmp_path / "machine",), {"other.txt": "corpora/words.txt"})
    asset = words(Refusing(), from_folder(tmp_path / "absent"), old, lacking)
    home = tmp_path / "home"

    with pytest.raises(AssetError) as caught:
        get_asset(asset, home, progress=Progress())

    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith("the asset 'words' cannot be had here (the far store: it is closed; the machine's folders: ")
    assert f"not found; looked in '{tmp_path / 'absent'}'" in told
    assert "an old copy: its 'words.txt' is another version: SHA-256" in told
    assert "a poor copy: it did not bring 'words.txt'" in told
    assert told.endswith(f"type 'llmops assets get words', and copy '{home / 'assets' / 'words'}' to this machine")
    assert [path.name for path in (home / "assets").iterdir()] == [".words.lock"]


def test_offline(tmp_path: Path) -> None:
    """An offline run leaves out the sources that need a network, and takes the others."""
    with pytest.raises(AssetError, match="the far store: needs a network, and the run is offline"):
        get_asset(words(Refusing()), tmp_path / "home", progress=Progress(), offline=True)
    asset = words(Refusing(), from_folder(words_folder(tmp_path)))
    assert get_asset(asset, tmp_path / "home", progress=Progress(), offline=True).is_dir()


def test_convert(tmp_path: Path) -> None:
    """What a source brings is converted before it is checked against the files wanted."""

    def convert(folder: Path) -> None:
        (folder / "count").write_text(str(len((folder / "words.txt").read_bytes())))
        (folder / "words.txt").unlink()

    asset = words(from_folder(words_folder(tmp_path)), files={"count": ""}, convert=convert)
    heard = Heard()

    folder = get_asset(asset, tmp_path / "home", progress=heard)

    assert (folder / "count").read_text() == str(len(WORDS))
    assert verify_asset(asset, tmp_path / "home") == ()
    assert ("converting words", None, "") in heard.tasks


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    """A home that is no folder is told with what to do."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(AssetError, match=r"the asset 'words' cannot be kept in '.*home': .*set LLMOPS_HOME"):
        get_asset(words(from_folder(words_folder(tmp_path))), tmp_path / "home", progress=Progress())


class Counting(AssetSource):
    """Leaves a mark for every fetch, and takes until another process waits for it."""

    label = "a slow store"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        (self.folder / f"fetch-{os.getpid()}").touch()
        deadline = threading.Event()
        for _ in range(200):
            if (self.folder / "waiting").exists():
                break
            deadline.wait(0.05)
        (folder / "words.txt").write_bytes(WORDS)
        return {}


class Marking(Progress):
    """Leaves a mark when a process begins to wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, text: str) -> None:
        assert text == "waiting for another process that fetches the asset 'words'"
        (self.folder / "waiting").touch()


def test_two_processes(tmp_path: Path) -> None:
    """Of two processes that want an asset at once, one fetches and the other waits for it and finds it."""
    asset = words(Counting(tmp_path))
    context = multiprocessing.get_context("fork")

    def want() -> None:
        get_asset(asset, tmp_path / "home", progress=Marking(tmp_path))

    processes = [context.Process(target=want) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(list(tmp_path.glob("fetch-*"))) == 1
    assert (tmp_path / "waiting").exists()
    assert verify_asset(asset, tmp_path / "home") == ()


# -- wheels -------------------------------------------------------------------------------------


def make_wheel(folder: Path, name: str = "wordlist") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/data/words.txt", WORDS)
        wheel.writestr(f"{name}/data/more/a.txt", "a")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: no-such\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def from_wheel(wheel: Path) -> WheelSource:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    members = {"words.txt": "wordlist/data/words.txt", "extra": "wordlist/data/more"}
    return WheelSource("wordlist", "1.0", digest, members)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is pip's only source of wheels."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "index folder").as_uri())  # pip parts a path at its spaces
    return tmp_path / "index folder"


def test_wheel(index: Path, tmp_path: Path) -> None:
    """A wheel's files are taken without installing it or what it requires; the wheel itself is not kept."""
    source = from_wheel(make_wheel(index))
    asset = words(source)
    heard = Heard()

    folder = get_asset(asset, tmp_path / "home", progress=heard)

    assert (folder / "words.txt").read_bytes() == WORDS
    assert (folder / "extra" / "a.txt").read_text() == "a"
    manifest = json.loads((folder / "asset.json").read_text())
    assert manifest["source"] == "the wheel wordlist 1.0"
    assert manifest["facts"] == {"version": source.sha256, "package": "wordlist==1.0"}
    size = float((index / "wordlist-1.0-py3-none-any.whl").stat().st_size)
    assert heard.tasks == [("downloading wordlist==1.0", size, "bytes")]
    assert heard.done[-1] == size
    assert not list((tmp_path / "home" / "downloads").glob("*.whl"))


def test_wheel_without_the_member(index: Path, tmp_path: Path) -> None:
    """A wheel that lacks a file says which."""
    source = attrs.evolve(from_wheel(make_wheel(index)), members={"words.txt": "wordlist/words.txt"})
    with pytest.raises(AssetError, match=r"the wheel wordlist 1\.0: the wheel has no file 'wordlist/words\.txt'"):
        get_asset(words(source), tmp_path / "home", progress=Progress())


def test_wheel_with_another_hash(index: Path, tmp_path: Path) -> None:
    """Another file under the same name and version is refused, and not kept."""
    make_wheel(index)
    with pytest.raises(AssetError, match=r"has another file for .*: SHA-256 [0-9a-f]{64}, not 0{64}"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())
    assert [path.suffix for path in (tmp_path / "home" / "downloads").iterdir()] == [".lock"]


def test_wheel_that_is_not_there(index: Path, tmp_path: Path) -> None:
    """A wheel that the index does not have is told in pip's own words."""
    index.mkdir()
    with pytest.raises(AssetError, match=r"^pip: No matching distribution found for wordlist==1\.0$"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())


@pytest.mark.usefixtures("index")
def test_index_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not answer is told as such."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(AssetError, match="pip cannot reach the package index"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())


def test_broken_off_download_of_a_wheel_is_taken_up(index: Path, tmp_path: Path) -> None:
    """A wheel that is in the downloads already, from an attempt that failed later, is not asked for again."""
    wheel = make_wheel(index)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    first = fetch_wheel("wordlist", "1.0", digest, home=tmp_path / "home", progress=Progress())
    wheel.unlink()
    assert fetch_wheel("wordlist", "1.0", digest, home=tmp_path / "home", progress=Progress()) == first


def test_pip_through_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter has no pip, uv runs one."""
    from llmops_sdk.assets import wheels as downloads

    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"))
    monkeypatch.setattr(downloads, "find_spec", lambda _name: None)
    assert downloads._pip_command()[1:] == ["tool", "run", "pip"]


# -- downloads ----------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Serves `WORDS` in ranges; cuts some answers short."""

    protocol_version = "HTTP/1.1"
    cuts: list[int]
    asked: list[str | None]
    ranges = True

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path != "/words":
            self._send(404, b"", "")
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(WORDS):
            self._send(416, b"", f"bytes */{len(WORDS)}")
        else:
            status = 206 if start else 200
            self._send(status, WORDS[start:], f"bytes {start}-{len(WORDS) - 1}/{len(WORDS)}" if start else "")

    def _send(self, status: int, data: bytes, content_range: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        cut = self.cuts.pop(0) if self.cuts else len(data)
        self.wfile.write(data[:cut])
        if cut < len(data):
            self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[type[Server], str]]:
    handler = type("WordsServer", (Server,), {"cuts": [], "asked": []})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def test_download_is_resumed(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """A connection that breaks off is taken up where it ended, and the progress counts bytes of the whole."""
    handler, url = server
    handler.cuts[:] = [30_000]
    heard = Heard()

    download(f"{url}/words", tmp_path / "words.part", progress=heard, label="words")

    assert (tmp_path / "words.part").read_bytes() == WORDS
    assert handler.asked == [None, "bytes=30000-"]
    assert heard.tasks == [("words", len(WORDS), "bytes")] * 2
    assert heard.done[-1] == len(WORDS)


def test_download_after_a_killed_process(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """What an earlier process left is taken up; what is complete already is not sent again."""
    handler, url = server
    part = tmp_path / "words.part"
    part.write_bytes(WORDS[:1000])

    download(f"{url}/words", part, progress=Progress(), label="words")
    download(f"{url}/words", part, progress=Progress(), label="words")

    assert part.read_bytes() == WORDS
    assert handler.asked == ["bytes=1000-", f"bytes={len(WORDS)}-"]


def test_download_from_a_server_without_ranges(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """A server that sends the whole again replaces what was there."""
    handler, url = server
    handler.ranges = False
    (tmp_path / "words.part").write_bytes(b"other bytes")

    download(f"{url}/words", tmp_path / "words.part", progress=Progress(), label="words")

    assert (tmp_path / "words.part").read_bytes() == WORDS


def test_refused_download(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """What a server refuses is told with its answer, without the password that the URL may hold."""
    _, url = server
    secret = url.replace("http://", "http://me:secret@") + "/nothing?token=secret"
    with pytest.raises(AssetError, match=r"^'http://127\.0\.0\.1:\d+/nothing' answered 404$"):
        download(secret, tmp_path / "part", progress=Progress(), label="words")
    with pytest.raises(AssetError, match="cannot be read: No such file"):
        download("file:///no/such/file", tmp_path / "part", progress=Progress(), label="words")


# -- Debian packages ----------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian repository with one package, `wordlist` 2.1-3, which is all that apt knows of."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("apt-get or dpkg-deb is not on this machine")
    root, repo, apt = (tmp_path / name for name in ("root", "repo", "apt"))
    (root / "DEBIAN").mkdir(parents=True)
    control = "Package: wordlist\nVersion: 2.1-3\nArchitecture: all\nMaintainer: X <x@localhost>\nDescription: words\n"
    (root / "DEBIAN" / "control").write_text(control)
    (root / "usr" / "share" / "dict").mkdir(parents=True)
    (root / "usr" / "share" / "dict" / "words").write_bytes(WORDS)
    repo.mkdir()
    run("dpkg-deb", "--build", "--root-owner-group", str(root), str(repo / "wordlist.deb"))
    package = (repo / "wordlist.deb").read_bytes()
    stanza = f"Filename: ./wordlist.deb\nSize: {len(package)}\nSHA256: {hashlib.sha256(package).hexdigest()}\n"
    (repo / "Packages").write_text(control.replace("Description", f"{stanza}Description"))
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "etc" / "sources.list").write_text(f"deb [trusted=yes] file:{repo} ./\n")
    (apt / "apt.conf").write_text(
        f'Dir::State "{apt}/state";\nDir::State::status "{apt}/status";\nDir::Cache "{apt}/cache";\n'
        f'Dir::Etc "{apt}/etc";\nDir::Etc::main "nothing";\nDir::Etc::parts "nothing";\nAPT::Sandbox::User "root";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(apt / "apt.conf"))
    run("apt-get", "update", "-qq")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.usefixtures("repository")
def test_debian_package(tmp_path: Path) -> None:
    """Files are taken out of a package without installing it, and its exact version is recorded."""
    source = DebianSource({"wordlist": "2.1"}, {"words.txt": "usr/share/dict/words"})

    folder = get_asset(words(source), tmp_path / "home", progress=Progress())

    assert [path.name for path in sorted(folder.iterdir())] == ["asset.json", "words.txt"]
    assert json.loads((folder / "asset.json").read_text())["facts"] == {"wordlist": "2.1-3"}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("packages", "member", "reason"),
    [
        ({"wordlist": "3."}, "usr/share/dict/words", "'wordlist' is there as '2.1-3', and '3.' is needed"),
        ({"wordlist": ""}, "usr/share/words", "they have no file 'usr/share/words'"),
        ({"no-such-package": ""}, "usr", "apt-get: E: Unable to locate package no-such-package"),
    ],
)
def test_debian_package_of_no_use(tmp_path: Path, packages: dict[str, str], member: str, reason: str) -> None:
    """A package that is absent, of another version or without the file says so."""
    with pytest.raises(AssetError) as caught:
        get_asset(words(DebianSource(packages, {"words.txt": member})), tmp_path / "home", progress=Progress())
    assert reason in str(caught.value)


def test_debian_package_on_another_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get, the source says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match="apt-get and dpkg-deb are not on this machine"):
        get_asset(words(DebianSource({"wordlist": ""}, {})), tmp_path / "home", progress=Progress())
