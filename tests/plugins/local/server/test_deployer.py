from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import attrs
import httpx

from llmops_plugins.local import device
from llmops_plugins.local.options import LocalEndpointOptions
from llmops_plugins.local.server import deployer as deployer_module
from llmops_plugins.local.server.deployer import LocalEndpoint
from llmops_sdk import EndpointError, GenerationOptions
from llmops_sdk.plugin import BaseModel, ChatPrompt, Context, HttpTransport, Resource, TextPrompt, TrainedModel

from ..architectures import save_model
from .running import eventually

MakeContext = Callable[..., Context]

OPTIONS = LocalEndpointOptions(device="cpu", dtype="float32")


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def accepts_connections(url: str) -> bool:
    """Whether something responds, or at least accepts a connection."""
    with httpx.Client(trust_env=False) as client:
        try:
            client.get(url)
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            return True
        return True


def pid_of(name: str) -> int:
    return deployer_module._servers[name].process.pid


def test_a_model_is_served_and_its_server_stopped(tiny_model: Path, make_context: MakeContext) -> None:
    """The core's client sends it texts and chats; deploying again under its name replaces the process.

    Another object made from the same options can stop it, and deleting a server that is gone does nothing.
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
    assert tiny_model.name == chat.model  # not the endpoint's name, which differs from run to run
    assert {"device": "cpu", "dtype": "float32", "weights": deployer.fingerprint(context, model)}.items() <= (
        endpoint.metadata.items()
    )
    assert 16 == endpoint.concurrency

    trained = TrainedModel("huggingface", str(tiny_model), BaseModel("huggingface", "base", "v1"))
    endpoint = deployer.deploy(context, trained)
    assert "weights" not in endpoint.metadata
    transport = HttpTransport(endpoint)
    assert "base-fine-tuned" == transport.send(ChatPrompt(({"role": "user", "content": "Hi"},), ""), options).model
    transport.close()
    second = pid_of(resource.name)
    assert (False, True) == (is_running(first), is_running(second))
    LocalEndpoint(OPTIONS).delete(context, resource)
    assert not is_running(second)
    deployer.delete(context, resource)
    deployer.delete(context, Resource("process", "never-there"))


def test_the_engine_is_what_the_machine_decides(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another format is another engine, so its answers get a key of their own; OpenVINO computes in one on every CPU."""
    context = make_context()
    monkeypatch.setattr(device, "_cpu", lambda: device.Machine(cpu_bfloat16=False))
    plain = LocalEndpoint(LocalEndpointOptions(device="cpu")).engine(context)
    assert {"device": "cpu", "dtype": "float32"}.items() <= plain.items()
    assert plain == LocalEndpoint(OPTIONS).engine(context)
    monkeypatch.setattr(device, "_cpu", lambda: device.Machine(cpu_bfloat16=True))
    if find_spec("openvino") is not None:
        assert plain["engine"].startswith("openvino ")
        assert plain == LocalEndpoint(LocalEndpointOptions(device="cpu")).engine(context)
    native = LocalEndpoint(LocalEndpointOptions(device="cpu", engine="torch")).engine(context)
    assert "bfloat16" == native["dtype"]
    assert native["engine"].startswith("torch ")
    assert native == LocalEndpoint(LocalEndpointOptions(device="cpu", dtype="bfloat16")).engine(context)


def test_a_model_that_openvino_does_not_take_is_computed_by_torch(
    tiny_model: Path, tmp_path: Path, make_context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    """The answers' record and the step's log have the reason."""
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    model = BaseModel("huggingface", str(save_model("gemma2", tmp_path, tiny_model)))
    reason = "Gemma2ForCausalLM has attention with softcap"
    context = make_context()
    (resource,) = LocalEndpoint(OPTIONS).resources(context, model)
    endpoint = LocalEndpoint(OPTIONS).deploy(context, model)
    LocalEndpoint(OPTIONS).delete(context, resource)
    assert reason == endpoint.metadata["not OpenVINO"]
    assert endpoint.metadata["engine"].startswith("torch ")
    assert f"torch computes this model, not OpenVINO: {reason}" in caplog.text


@pytest.mark.slow
def test_an_engine_that_was_asked_for_by_name_is_not_replaced(
    tiny_model: Path, tmp_path: Path, make_context: MakeContext
) -> None:
    """That it does not take the model is an error with the reason, and names another engine."""
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    model, context = BaseModel("huggingface", str(save_model("gemma2", tmp_path, tiny_model))), make_context()
    reason = "Gemma2ForCausalLM has attention with softcap"
    strict = LocalEndpoint(attrs.evolve(OPTIONS, engine="openvino"))
    with pytest.raises(EndpointError, match=rf"OpenVINO does not take this model: {reason}; use the engine 'auto' or"):
        strict.deploy(context, model)
    with pytest.raises(EndpointError, match="OpenVINO does not take this model"):
        strict.serve(context, model, name="tuned", port=0)


def test_a_model_is_served_for_other_programs(tiny_model: Path, make_context: MakeContext) -> None:
    """Under OpenAI's API and the given name, until it is stopped; a server that dies is an error with its last log lines."""
    context, before = make_context(), set(started_pids())
    server = LocalEndpoint(OPTIONS).serve(context, BaseModel("huggingface", str(tiny_model)), name="tuned", port=0)
    try:
        assert tiny_model == server.weights
        listed = httpx.get(f"{server.url}/models", trust_env=False).json()["data"]
        assert ["tuned"] == [model["id"] for model in listed]
        (pid,) = set(started_pids()) - before
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(
            EndpointError, match=r"the server was killed by SIGKILL \(out of memory\?\); last log lines: "
        ):
            server.wait()
    finally:
        server.stop()
    assert before == set(started_pids())


def test_a_model_that_cannot_be_served_is_an_error_with_the_reason(
    tiny_model: Path, make_context: MakeContext, tmp_path: Path
) -> None:
    """In one line, without the log; no process is left."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_bytes((tiny_model / "config.json").read_bytes())
    context = make_context()
    model = TrainedModel("huggingface", str(tmp_path / "broken"), BaseModel("huggingface", "base"))
    with pytest.raises(EndpointError, match=r"^the tokenizer in '.*broken' cannot be loaded: "):
        LocalEndpoint(OPTIONS).deploy(context, model)
    assert context.resource_name() not in deployer_module._servers


def test_a_server_that_takes_too_long_is_stopped(tiny_model: Path, make_context: MakeContext) -> None:
    """The message names the option; no process is left."""
    context = make_context()
    before = started_pids()
    with pytest.raises(EndpointError, match=r"did not start within 0\.05 s: raise 'start_timeout'"):
        LocalEndpoint(attrs.evolve(OPTIONS, start_timeout=0.05)).deploy(
            context, BaseModel("huggingface", str(tiny_model))
        )
    assert before == started_pids()


def test_ctrl_c_while_it_starts_leaves_nothing(tiny_model: Path, make_context: MakeContext) -> None:
    """An interrupt in the middle of the start stops the server's process too."""
    context = make_context()
    pids: list[int] = []

    def interrupt() -> None:
        eventually(lambda: context.resource_name() in deployer_module._servers)
        pids.append(pid_of(context.resource_name()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        LocalEndpoint(OPTIONS).deploy(context, BaseModel("huggingface", str(tiny_model)))
    thread.join()
    assert [False] == [is_running(pid) for pid in pids]
    assert context.resource_name() not in deployer_module._servers


PARENT = """
import sys
from pathlib import Path
from llmops_sdk.plugin import BaseModel, TrainedModel
from llmops_sdk.testing import make_context
from llmops_plugins.local.server import deployer
from llmops_plugins.local.options import LocalEndpointOptions

context = make_context(Path(sys.argv[2]) / "step")
model = TrainedModel("huggingface", sys.argv[1], BaseModel("huggingface", "base"))
endpoint = deployer.LocalEndpoint(LocalEndpointOptions(device="cpu", dtype="float32")).deploy(context, model)
print(deployer._servers[endpoint.name].process.pid, endpoint.url, flush=True)
sys.stdin.readline()
"""


def test_the_server_ends_with_its_parent(tiny_model: Path, tmp_path: Path) -> None:
    """A process that is killed cannot clean up; its server ends nevertheless."""
    command = [sys.executable, "-c", PARENT, str(tiny_model), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().decode().split()
        assert is_running(int(pid))
        assert accepts_connections(url)
        parent.kill()
    eventually(lambda: not is_running(int(pid)) and not accepts_connections(url))


def started_pids() -> list[int]:
    """The children of this process that run."""
    listed = Path("/proc/self/task")
    if not listed.exists():
        pytest.skip("this system does not list a process's children")
    children = [
        int(pid) for task in listed.iterdir() for pid in (task / "children").read_text().split() if is_running(int(pid))
    ]
    return sorted(children)
