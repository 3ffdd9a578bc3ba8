"""Waiting until a server is ready, and what it calls its model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from llmops_plugins.served import readiness
from llmops_plugins.served.deployer import _free_port
from llmops_plugins.served.process import Process
from llmops_plugins.served.readiness import served_model, wait_until_ready
from llmops_sdk import EndpointError, Progress

from .conftest import STUB

DEFAULT = ("/v1/models", "/health")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests are ready within a second, not within minutes."""
    monkeypatch.setattr(readiness, "_LONGEST_PAUSE", 0.05)


class Shown(Progress):
    """Keeps what is shown."""

    def __init__(self) -> None:
        self.details: list[Mapping[str, str]] = []

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        assert "waiting" == label
        self.details.append(details)


@contextmanager
def stub(folder: Path, *arguments: str) -> Iterator[tuple[Process, str]]:
    """Start a stub server that nobody has waited for."""
    port = _free_port()
    command = [word.replace("{port}", str(port)) for word in STUB]
    process = Process.start([*command, *arguments], folder / "log")
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def wait(
    process: Process, url: str, paths: Sequence[str] = DEFAULT, *, seconds: float = 60, progress: Progress | None = None
) -> None:
    wait_until_ready(process, url, paths, timeout=seconds, progress=progress or Progress(), label="waiting")


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [((), DEFAULT), (("--name=",), DEFAULT), (("--health=/up",), ("/up",))],
)
def test_a_server_is_ready_when_its_first_path_answers_200(
    tmp_path: Path, arguments: tuple[str, ...], paths: Sequence[str]
) -> None:
    """The list of models; /health where there is none; the path of the options. Until then, 503 is waited for."""
    progress = Shown()
    with stub(tmp_path, "--ready-after=0.5", *arguments) as (process, url):
        wait(process, url, paths, progress=progress)
        assert process.is_running
    assert progress.details


def test_a_server_that_exits_is_an_error(tmp_path: Path) -> None:
    """At once, with the last lines of its log."""
    with (
        stub(tmp_path, "--exit-code=3", "--model=big") as (process, url),
        pytest.raises(
            EndpointError, match=r"exited with code 3 before it was ready; .*last log lines: cannot load big"
        ),
    ):
        wait(process, url)


@pytest.mark.parametrize(
    ("arguments", "paths", "state"),
    [
        (("--ready-after=600",), DEFAULT, "/v1/models answers 503"),
        ((), ("/ready",), "it has no /ready"),
        (("--name=", "--health=/up"), DEFAULT, "it has no /v1/models or /health"),
    ],
)
def test_a_server_that_takes_too_long_is_an_error(
    tmp_path: Path, arguments: tuple[str, ...], paths: Sequence[str], state: str
) -> None:
    """With what it answered, the options to change, and the command."""
    expected = (
        rf"was not ready within 0\.2 s: {state}; raise ready_timeout, or name its ready_path; command: .*stub_server"
    )
    with stub(tmp_path, *arguments) as (process, url):
        _wait_until_it_listens(url)
        with pytest.raises(EndpointError, match=expected):
            wait(process, url, paths, seconds=0.2)


def _wait_until_it_listens(url: str) -> None:
    with httpx.Client(trust_env=False) as client:
        for _ in range(2000):
            try:
                client.get(url)
            except httpx.ConnectError:
                time.sleep(0.02)
            else:
                return
    pytest.fail("the stub server does not listen")


def test_another_program_at_the_port_is_not_the_server(tmp_path: Path) -> None:
    """The command could not listen there, and has exited."""
    with stub(tmp_path) as (process, url):
        wait(process, url)
        late = Process.start([sys.executable, "-c", "exit('the port is in use')"], tmp_path / "late.log")
        late.wait()
        with pytest.raises(EndpointError, match="the port is in use"):
            wait(late, url)


def test_a_server_that_does_not_listen_is_waited_for(tmp_path: Path) -> None:
    """It may still load its model."""
    process = Process.start([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    with pytest.raises(EndpointError, match=r"was not ready within 0\.3 s: nothing listens at its port"):
        wait(process, f"http://127.0.0.1:{_free_port()}", seconds=0.3)
    process.stop()


@pytest.mark.parametrize(
    ("names", "expected"),
    [("small,big", "small"), ("only", "only"), ("other,/weights", "/weights"), ("", "small")],
)
def test_a_server_names_its_model(tmp_path: Path, names: str, expected: str) -> None:
    """By the name that the command was given, by the path, or as the only one that it lists; one without a list takes any name."""
    with stub(tmp_path, f"--name={names}") as (process, url):
        wait(process, url)
        assert expected == served_model(url, "small", "/weights")


def test_several_models_of_other_names_are_an_error(tmp_path: Path) -> None:
    """It is not known which one is meant."""
    with stub(tmp_path, "--name=a,b") as (process, url):
        wait(process, url)
        with pytest.raises(EndpointError, match=r"several models \(a, b\), none called 'small'"):
            served_model(url, "small", "/weights")
