"""Starting and stopping a server for a run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from llmops_plugins.served import deployer as deployer_module
from llmops_plugins.served.deployer import ServedEndpoint
from llmops_plugins.served.options import ServedModelOptions, ServedOptions
from llmops_sdk import EndpointError, SpecError
from llmops_sdk.plugin import ChatPrompt, Context, GenerationOptions, Resource, TextPrompt, Transport

from .waiting import eventually, is_running

MakeContext = Callable[..., Context]
Stub = Callable[..., ServedOptions]

OWN = ServedModelOptions().base_model()


def pid_of(name: str) -> int:
    return deployer_module._servers[name]._pid


def connected(deployer: ServedEndpoint, context: Context, model: Any = OWN) -> Transport:
    transport = deployer.connect(context, deployer.deploy(context, model))
    assert transport is not None
    return transport


def test_a_server_is_started_asked_and_stopped(stub: Stub, make_context: MakeContext) -> None:
    """Deploying again replaces it; another object can stop it, and deleting what is gone does nothing."""
    context, deployer = (
        make_context(step="generate.stub"),
        ServedEndpoint(stub(max_concurrency=3, requests_per_minute=900)),
    )
    (resource,) = deployer.resources(context, OWN)
    assert Resource("process", "llmops-test-run-generate-stub") == resource
    endpoint = deployer.deploy(context, OWN)
    assert (3, 900, {"model": "stub"}) == (endpoint.concurrency, endpoint.requests_per_minute, endpoint.extra_body)
    assert "stub" == endpoint.metadata["model"]
    assert endpoint.metadata["command"].endswith("stub_server.py --port {port}")
    first = pid_of(resource.name)
    transport = connected(deployer, context)
    second = pid_of(resource.name)
    assert (False, True) == (is_running(first), is_running(second))
    chat = ChatPrompt(({"role": "user", "content": "Capital of Peru?"},))
    assert ["Lima", "Rome"] == [
        transport.send(prompt, GenerationOptions()).output for prompt in (chat, TextPrompt("Italy"))
    ]
    transport.close()
    assert "asked chat of stub\nasked text of stub\n" == (context.folder / "server.log").read_text()
    ServedEndpoint(stub()).delete(context, resource)
    assert not is_running(second)
    deployer.delete(context, resource)
    deployer.delete(context, Resource("process", "never-there"))


def test_the_command_gets_the_weights_and_their_name(stub: Stub, make_context: MakeContext, tmp_path: Path) -> None:
    """And the record their hash."""
    file = tmp_path / "small.gguf"
    file.write_bytes(b"GGUF")
    model = ServedModelOptions(model=str(file)).base_model()
    deployer, context = ServedEndpoint(stub("--model={model}", "--name={name}", "--host={host}")), make_context()
    endpoint = deployer.deploy(context, model)
    command = deployer_module._servers[endpoint.name].command
    deployer.delete(context, Resource("process", endpoint.name))
    assert [f"--model={file}", "--name=small", "--host=127.0.0.1"] == list(command)[-3:]
    assert ({"model": "small"}, deployer.fingerprint(context, model)) == (
        endpoint.extra_body,
        endpoint.metadata["weights"],
    )


def test_the_endpoint_of_a_preset_has_its_version(make_context: MakeContext, tmp_path: Path) -> None:
    """It is part of the key of the answers, too."""
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\necho 'version: 6123 (ab12cd3)'\n")
    program.chmod(0o700)
    engine = ServedEndpoint(ServedOptions(preset="llama-cpp", program=str(program))).engine(make_context())
    assert engine["server"].startswith("llama-cpp 6123")


@pytest.mark.parametrize(
    ("arguments", "others", "message"),
    [
        (
            ("--exit-code=3",),
            {},
            r"exited with code 3 before it was ready; command: .*stub_server\.py --port \d+ .*cannot load",
        ),
        (("--ready-after=600",), {"ready_timeout": 2.0}, "was not ready within 2 s"),
        (("--name=a,b",), {}, "several models"),
    ],
)
def test_a_server_that_cannot_be_asked_is_stopped(
    stub: Stub, make_context: MakeContext, arguments: tuple[str, ...], others: dict[str, Any], message: str
) -> None:
    """One error; no process is left."""
    context = make_context()
    with pytest.raises(EndpointError, match=message):
        ServedEndpoint(stub(*arguments, **others)).deploy(context, OWN)
    assert context.resource_name() not in deployer_module._servers


def test_a_program_that_is_not_there_is_an_error(make_context: MakeContext) -> None:
    """As in the preflight: a run that was planned on another machine has none."""
    with pytest.raises(SpecError, match="there is no program 'no-such-server'"):
        ServedEndpoint(ServedOptions(command="no-such-server {port}")).deploy(make_context(), OWN)


def test_a_server_may_print_without_end(stub: Stub, make_context: MakeContext) -> None:
    """It can be asked, and stopped."""
    context, deployer = make_context(), ServedEndpoint(stub("--noise"))
    transport = connected(deployer, context)
    assert "Paris" == transport.send(TextPrompt("France"), GenerationOptions()).output
    transport.close()
    pid = pid_of(context.resource_name())
    deployer.delete(context, Resource("process", context.resource_name()))
    assert not is_running(pid)


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_ctrl_c_while_it_starts_leaves_nothing(stub: Stub, make_context: MakeContext) -> None:
    """An interrupt in the middle of the start stops the server, and what supervises it."""
    before = _children()  # of other tests
    started: set[psutil.Process] = set()

    def interrupt() -> None:
        eventually(lambda: len(_children() - before) >= len(("supervisor", "server")))
        started.update(_children() - before)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ServedEndpoint(stub("--ready-after=600")).deploy(make_context(), OWN)
    thread.join()
    assert {False} == {is_running(process.pid) for process in started}


def test_a_server_for_other_programs_is_called_as_they_ask(stub: Stub, make_context: MakeContext) -> None:
    """At the port that they ask for; one that ends on its own is an error."""
    port = deployer_module._free_port()
    server = ServedEndpoint(stub("--name={name}")).serve(make_context(), OWN, name="mine", port=port)
    assert (f"http://127.0.0.1:{port}/v1", None) == (server.url, server.weights)
    assert ["mine"] == [model["id"] for model in httpx.get(f"{server.url}/models", trust_env=False).json()["data"]]
    assert isinstance(server, deployer_module.StartedServer)
    os.kill(server.process._pid, signal.SIGKILL)
    with pytest.raises(EndpointError, match=r"was killed by SIGKILL .* while it served"):
        server.wait()
    server.stop()
