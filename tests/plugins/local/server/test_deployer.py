from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import attrs
import httpx

from llmops_plugins.local.options import LocalEndpointOptions
from llmops_plugins.local.server import deployer as module
from llmops_plugins.local.server.deployer import LocalEndpoint
from llmops_sdk import EndpointError, GenerationOptions
from llmops_sdk.plugin import BaseModel, ChatPrompt, Context, Resource, TextPrompt, TrainedModel
from llmops_sdk.steps.client.http import HttpTransport

MakeContext = Callable[..., Context]

OPTIONS = LocalEndpointOptions(device="cpu", dtype="float32")


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so; fail when it is not in time."""
    until = time.monotonic() + seconds
    tick = threading.Event()
    while not check():
        assert time.monotonic() < until, "it did not come to be in time"
        tick.wait(0.02)


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def listens(url: str) -> bool:
    """Tell whether something answers, or at least takes a connection."""
    with httpx.Client(trust_env=False) as client:
        try:
            client.get(url)
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            return True
        return True


def pid_of(name: str) -> int:
    return module._servers[name].process.pid


def test_a_model_is_served_asked_and_ended(tiny_model: Path, make_context: MakeContext) -> None:
    """The core's client asks it by text and by chat; deploying again under its name replaces the process.

    Another object made from the same options can end it, and deleting what is gone does nothing.
    """
    context, deployer = make_context(step="generate-tiny"), LocalEndpoint(OPTIONS)
    model = BaseModel("huggingface", str(tiny_model))
    (resource,) = deployer.resources(context, model)
    assert Resource("process", "llmops-test-run-generate-tiny") == resource
    endpoint = deployer.deploy(context, model)
    first = pid_of(resource.name)
    transport = HttpTransport(endpoint)
    try:
        options = GenerationOptions(max_new_tokens=6)
        text = transport.send(TextPrompt("Which bridge is the oldest?", ""), options)
        chat = transport.send(ChatPrompt(({"role": "user", "content": "Hi"},), ""), options)
    finally:
        transport.close()
    assert [(6, "length"), (6, "length")] == [(reply.output_tokens, reply.finish_reason) for reply in (text, chat)]
    assert text.prompt_tokens
    assert {"device": "cpu", "dtype": "float32", "weights": deployer.fingerprint(context, model)}.items() <= (
        endpoint.metadata.items()
    )
    assert 16 == endpoint.concurrency

    trained = TrainedModel("huggingface", str(tiny_model), BaseModel("huggingface", "base", "v1"))
    assert "v1" == deployer.deploy(context, trained).metadata["weights"]
    second = pid_of(resource.name)
    assert (False, True) == (lives(first), lives(second))
    LocalEndpoint(OPTIONS).delete(context, resource)
    assert not lives(second)
    deployer.delete(context, resource)
    deployer.delete(context, Resource("process", "never-there"))


def test_a_model_that_cannot_be_served_is_told_with_the_servers_last_words(
    tiny_model: Path, make_context: MakeContext, tmp_path: Path
) -> None:
    """The reason and the place of the log reach the caller; no process is left."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_bytes((tiny_model / "config.json").read_bytes())
    context = make_context()
    model = TrainedModel("huggingface", str(tmp_path / "broken"), BaseModel("huggingface", "base"))
    with pytest.raises(EndpointError, match=r"ended with code 1 before it was ready; its last words: .*server\.log"):
        LocalEndpoint(OPTIONS).deploy(context, model)
    assert context.resource_name() not in module._servers


def test_a_server_that_takes_too_long_is_ended(tiny_model: Path, make_context: MakeContext) -> None:
    """The message names the option; no process is left."""
    context = make_context()
    began = started_pids()
    with pytest.raises(EndpointError, match=r"did not start within 0\.05 s: raise 'start_timeout'"):
        LocalEndpoint(attrs.evolve(OPTIONS, start_timeout=0.05)).deploy(
            context, BaseModel("huggingface", str(tiny_model))
        )
    assert began == started_pids()


def test_ctrl_c_while_it_starts_leaves_nothing(tiny_model: Path, make_context: MakeContext) -> None:
    """An interrupt in the middle of the start ends the server's process too."""
    context = make_context()
    pids: list[int] = []

    def interrupt() -> None:
        eventually(lambda: context.resource_name() in module._servers)
        pids.append(pid_of(context.resource_name()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        LocalEndpoint(OPTIONS).deploy(context, BaseModel("huggingface", str(tiny_model)))
    thread.join()
    assert [False] == [lives(pid) for pid in pids]
    assert context.resource_name() not in module._servers


PARENT = """
import logging, os, sys
from pathlib import Path
from llmops_sdk import Progress
from llmops_sdk.plugin import BaseModel, Context, TrainedModel
from llmops_plugins.local.server import deployer
from llmops_plugins.local.options import LocalEndpointOptions

folder = Path(sys.argv[2])
context = Context("run", "step", folder, folder, True, Progress(), logging.getLogger(), {}, None, None)
model = TrainedModel("huggingface", sys.argv[1], BaseModel("huggingface", "base"))
made = deployer.LocalEndpoint(LocalEndpointOptions(device="cpu", dtype="float32")).deploy(context, model)
print(deployer._servers[made.name].process.pid, made.url, flush=True)
sys.stdin.readline()
"""


def test_the_server_dies_with_its_parent(tiny_model: Path, tmp_path: Path) -> None:
    """A process that is killed has no chance to tidy up; its server ends all the same."""
    command = [sys.executable, "-c", PARENT, str(tiny_model), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().decode().split()
        assert lives(int(pid))
        assert listens(url)
        parent.kill()
    eventually(lambda: not lives(int(pid)) and not listens(url))


def started_pids() -> list[int]:
    """The children of this process that run."""
    listed = Path("/proc/self/task")
    if not listed.exists():
        pytest.skip("this system does not list a process's children")
    children = [
        int(pid) for task in listed.iterdir() for pid in (task / "children").read_text().split() if lives(int(pid))
    ]
    return sorted(children)
