"""`llmops serve`: it shows how to ask a candidate, and ends with Ctrl-C."""

from __future__ import annotations

import os
import re
import shlex
import signal
import threading
from pathlib import Path

import httpx
import pytest

from .conftest import Command


@pytest.fixture(name="ends", params=[signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def _ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A signal that this process gets once a server waits."""
    from llmops_sdk.testing.deployer import _EchoServer

    wait = _EchoServer.wait

    def stop_soon(server: _EchoServer) -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), request.param)).start()
        wait(server)

    monkeypatch.setattr(_EchoServer, "wait", stop_soon)
    number: int = request.param
    return number


def test_a_candidate_is_served_until_a_signal(llmops: Command, folder: Path, ends: int) -> None:
    """The URL, the name and a command that asks are shown; the server is gone afterwards."""
    assert folder.is_dir()
    llmops("run", "echoes.yaml", "-q", "--offline")
    done = llmops("serve", "--candidate", "loud", "--port", "0", code=128 + ends)
    url = re.search(r"base URL\s+(http://127\.0\.0\.1:\d+)\n", done.out)
    assert url is not None
    assert "serving candidate 'loud' of run echoes-" in done.out
    assert re.search(r"model\s+loud\n", done.out)
    curl = shlex.split(re.search(r"try\s+(curl .*)\n", done.out)[1])  # type: ignore[index]
    assert [f"{url[1]}/completions", '{"model": "loud", "prompt": "Once upon a time"}'] == [curl[1], curl[-1]]
    assert "stopped" == done.err.strip()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url[1], trust_env=False)


def test_mistakes_are_one_line(llmops: Command, folder: Path) -> None:
    """Exit code 2, and nothing is started."""
    assert folder.is_dir()
    llmops("run", "echoes.yaml", "-q", "--offline")
    done = llmops("serve", "-c", "lout", code=2)
    assert re.fullmatch(r"error: run 'echoes-\S+' has no candidate 'lout'; did you mean 'loud'\?\n", done.err)
    assert "there is no run 'other'" in llmops("serve", "other", "-c", "loud", code=2).err
    assert "0<=x<=65535" in llmops("serve", "--port", "70000", code=2).err
