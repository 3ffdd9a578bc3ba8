"""The context of a `prepare` step, a Hugging Face hub on loopback, and what is loaded from it and from its cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import Progress
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits
from llmops_sdk.testing import make_context

from .hub_loads import OFFLINE, ONLINE, Outcomes, add_datasets, load_all
from .hub_server import Handler, Hub


class LoggedLines(Progress):
    """Keeps the lines that a user sees."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def logged() -> LoggedLines:
    """The lines that the step logs."""
    return LoggedLines()


@pytest.fixture
def context(tmp_path: Path, logged: LoggedLines) -> Context:
    """The context of a `prepare` step that may use the network."""
    return attrs.evolve(make_context(tmp_path / "splits"), offline=False, progress=logged)


@pytest.fixture
def load(context: Context) -> Callable[[DatasetSource], DatasetSplits]:
    """Load a dataset as a `prepare` step does."""
    return lambda dataset: dataset.load(context)


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """A hub with the datasets of `hub_loads`."""
    pytest.importorskip("datasets", reason="datasets of the hub are loaded by the datasets library")
    served = Hub()
    add_datasets(served)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face cache that the online loads fill."""
    return tmp_path_factory.mktemp("huggingface")


@pytest.fixture(scope="session")
def load_from(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcomes]:
    """Load datasets, each time into a new folder."""
    return lambda *arguments, **variables: load_all(tmp_path_factory.mktemp("loaded"), *arguments, **variables)


@pytest.fixture(scope="session")
def online(hub: Hub, cache: Path, load_from: Callable[..., Outcomes]) -> dict[str, Any]:
    """What is loaded from the hub, by the names in `ONLINE`."""
    tokens = {"LLMOPS_TEST_RIGHT": "hf_right", "LLMOPS_TEST_WRONG": "hf_wrong"}
    outcomes = load_from(hub.url, cache, list(ONLINE.values()), **tokens)
    named = dict(zip(ONLINE, outcomes.results, strict=True))
    return {**named, "changed": outcomes.changed, "stderr": outcomes.stderr}


@pytest.fixture(scope="session")
def offline(online: dict[str, Any], cache: Path, load_from: Callable[..., Outcomes]) -> dict[str, Any]:
    """What is loaded from that cache without a hub, by the names in `OFFLINE`."""
    assert online
    outcomes = load_from("http://127.0.0.1:9", cache, list(OFFLINE.values()))  # the discard port: nobody listens there
    return {**dict(zip(OFFLINE, outcomes.results, strict=True)), "changed": outcomes.changed}
