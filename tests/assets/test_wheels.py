"""Wheels as files: found and downloaded with pip, and checked by hash."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path

import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets import wheels
from llmops_sdk.assets.wheels import fetch_wheel

from .words import make_wheel


def test_a_wheel_with_a_different_hash_is_refused(index: Path, tmp_path: Path) -> None:
    """A different file under the same name and version is not kept."""
    make_wheel(index)
    with pytest.raises(AssetError, match=r"has a different file for .*: SHA-256 [0-9a-f]{64}, not 0{64}"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())
    assert [path.suffix for path in (tmp_path / "home" / "downloads").iterdir()] == [".lock"]


def test_a_wheel_that_the_index_lacks_is_reported_in_pips_words(index: Path, tmp_path: Path) -> None:
    """One line, without pip's other output."""
    index.mkdir()
    with pytest.raises(AssetError, match=r"^pip: No matching distribution found for wordlist==1\.0$"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())


@pytest.mark.usefixtures("index")
def test_an_index_that_does_not_answer_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message differs from that of a wheel that the index lacks."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(AssetError, match="pip cannot reach the package index"):
        fetch_wheel("wordlist", "1.0", "0" * 64, home=tmp_path / "home", progress=Progress())


def test_a_wheel_in_the_downloads_is_not_downloaded_again(index: Path, tmp_path: Path) -> None:
    """An earlier attempt may have failed after its download."""
    wheel = make_wheel(index)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    first = fetch_wheel("wordlist", "1.0", digest, home=tmp_path / "home", progress=Progress())
    wheel.unlink()
    assert fetch_wheel("wordlist", "1.0", digest, home=tmp_path / "home", progress=Progress()) == first


def test_uv_runs_pip_for_an_interpreter_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments that uv made have no pip of their own."""
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"))
    monkeypatch.setattr(wheels, "find_spec", lambda _name: None)
    assert wheels._pip_command()[1:] == ["tool", "run", "pip"]
