"""Debian packages as a source of assets, from a repository made here."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.debian import DebianSource
from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin import Asset

WORDS = b"a list of words\n" * 5000


def words(source: DebianSource) -> Asset:
    return Asset("words", "a list of words", 80_000, {"words.txt": hashlib.sha256(WORDS).hexdigest()}, (source,))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian repository with one package, `wordlist` 2.1-3, the only one that apt knows."""
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
def test_files_are_unpacked_without_installing_the_package(tmp_path: Path) -> None:
    """The package's exact version is recorded."""
    source = DebianSource({"wordlist": "2.1"}, {"words.txt": "usr/share/dict/words"})

    folder = get_asset(words(source), tmp_path / "home", progress=Progress())

    assert [path.name for path in sorted(folder.iterdir())] == ["asset.json", "words.txt"]
    assert json.loads((folder / "asset.json").read_text())["facts"] == {"wordlist": "2.1-3"}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("packages", "member", "reason"),
    [
        ({"wordlist": "3."}, "usr/share/dict/words", "'wordlist' has the version '2.1-3', and '3.' is needed"),
        ({"wordlist": ""}, "usr/share/words", "they have no file 'usr/share/words'"),
        ({"no-such-package": ""}, "usr", "apt-get: E: Unable to locate package no-such-package"),
    ],
)
def test_an_unusable_package_is_a_clear_error(
    tmp_path: Path, packages: dict[str, str], member: str, reason: str
) -> None:
    """The package is missing, has another version, or lacks the file."""
    with pytest.raises(AssetError) as caught:
        get_asset(words(DebianSource(packages, {"words.txt": member})), tmp_path / "home", progress=Progress())
    assert reason in str(caught.value)


def test_a_system_without_apt_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the programs that are missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match="apt-get and dpkg-deb are not on this machine"):
        get_asset(words(DebianSource({"wordlist": ""}, {})), tmp_path / "home", progress=Progress())
