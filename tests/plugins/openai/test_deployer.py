"""The deployer of models behind servers with OpenAI's API: it creates nothing, and asks."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_plugins.openai.deployer import OpenAICompatible
from llmops_plugins.openai.options import OpenAIModelOptions, OpenAIOptions
from llmops_sdk.errors import EndpointError, RequestError, SpecError
from llmops_sdk.plugin import BaseModel, ChatPrompt, Context, GenerationOptions, TextPrompt, TrainedModel, VariedOptions
from llmops_sdk.testing import make_context

from .openai_server import OpenAIServer


def deployer(**options: object) -> OpenAICompatible:
    return OpenAICompatible(OpenAIOptions(**options))  # type: ignore[arg-type]


@pytest.fixture(name="context")
def _context(tmp_path: Path) -> Context:
    return attrs.evolve(make_context(tmp_path), offline=False)


def model(server: OpenAIServer, api: str = "chat") -> BaseModel:
    return OpenAIModelOptions(model="stub-1", base_url=server.url, api=api).base_model()


def test_a_chat_and_a_text_are_asked(server: OpenAIServer, context: Context) -> None:
    """A text is one message of the user, or a prompt of the completions API; nothing is created."""
    chat = deployer()
    assert () == chat.resources(context, model(server))
    transport = chat.connect(context, chat.deploy(context, model(server)))
    prompt = ChatPrompt(({"role": "system", "content": "Short."}, {"role": "user", "content": "Capital of Peru?"}))
    answer = transport.send(prompt, GenerationOptions())
    assert ("Lima", 10, 1, "stop", "stub-1") == (
        answer.output, answer.prompt_tokens, answer.output_tokens, answer.finish_reason, answer.model
    )  # fmt: skip
    transport.send(TextPrompt("France?"), VariedOptions(left_out=frozenset({"temperature"}), max_tokens_field="most"))
    transport.close()
    transport = chat.connect(context, chat.deploy(context, model(server, "completions")))
    assert "Rome" == transport.send(TextPrompt("Italy: "), GenerationOptions(max_new_tokens=4)).output
    transport.close()
    assert [
        {"messages": list(prompt.messages), "max_tokens": 128, "temperature": 0.0, "model": "stub-1"},
        {"messages": [{"role": "user", "content": "France?"}], "most": 128, "model": "stub-1"},
        {"prompt": "Italy: ", "max_tokens": 4, "temperature": 0.0, "model": "stub-1"},
    ] == server.bodies


def test_an_offline_run_asks_this_machine_only(server: OpenAIServer, context: Context) -> None:
    """A server on another machine is refused before a request."""
    offline = attrs.evolve(context, offline=True)
    assert server.url == deployer().deploy(offline, model(server)).metadata["url"]
    far = OpenAIModelOptions(model="m", base_url="https://models.invalid/v1").base_model()
    with pytest.raises(SpecError, match="not on this machine, and this run is offline"):
        deployer().deploy(offline, far)


def test_a_trained_model_is_refused(server: OpenAIServer, context: Context) -> None:
    """The server has its own weights."""
    with pytest.raises(EndpointError, match="serves no trained model"):
        deployer().deploy(context, TrainedModel("openai", "weights", model(server)))


def test_an_answer_has_a_time_limit(server: OpenAIServer, context: Context) -> None:
    """That of the options."""

    def slow(_: object) -> str:
        import time

        time.sleep(0.5)
        return "late"

    server.answer = slow
    impatient = deployer(timeout=0.1)
    transport = impatient.connect(context, impatient.deploy(context, model(server)))
    with pytest.raises(RequestError, match=r"did not answer in time \(0.1 s"):
        transport.send(TextPrompt("Peru?"), GenerationOptions())
    transport.close()


def test_a_model_with_an_address_is_not_served_again(context: Context) -> None:
    """The error names the address and the model there."""
    base = OpenAIModelOptions(model="stub-1", base_url="http://127.0.0.1:1/v1").base_model()
    with pytest.raises(SpecError, match=r"served already: ask 'stub-1' at http://127\.0\.0\.1:1/v1"):
        deployer().serve(context, base, name="api", port=0)
