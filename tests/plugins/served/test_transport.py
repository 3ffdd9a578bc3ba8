"""Asking a served model by the API that fits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmops_plugins.served.process import Process
from llmops_plugins.served.transport import ServedTransport
from llmops_sdk import EndpointError
from llmops_sdk.errors import RequestError
from llmops_sdk.plugin import ChatPrompt, Endpoint, GenerationOptions, TextPrompt

from ..openai.openai_server import OpenAIServer, openai_server

TEXT, CHAT = TextPrompt("Italy: "), ChatPrompt(({"role": "user", "content": "Capital of Peru?"},))


def transport(server: OpenAIServer, folder: Path, api: str = "auto", program: str = "input()") -> ServedTransport:
    endpoint = Endpoint("here", url=server.url, extra_body={"model": "m"})
    process = Process.start([sys.executable, "-c", program], folder / "log")
    return ServedTransport(endpoint, api=api, timeout=5, process=process)


@pytest.mark.parametrize(
    ("api", "paths"),
    [("auto", ["completions", "chat/completions"]), ("chat", ["chat/completions", "chat/completions"])],
)
def test_a_text_is_completed_and_a_chat_answered(api: str, paths: list[str], tmp_path: Path) -> None:
    """Unless every prompt is to be asked as a chat."""
    with openai_server() as server:
        asked = transport(server, tmp_path, api)
        answers = [asked.send(prompt, GenerationOptions()).output for prompt in (TEXT, CHAT)]
        asked.close()
        asked._process.stop()
        assert ["Rome", "Lima"] == answers
        assert [f"/v1/{path}" for path in paths] == server.paths


def test_probabilities_of_texts_come_from_completions(tmp_path: Path) -> None:
    """The chat API returns none."""
    logprobs = {"tokens": ["a", "b", "c"], "token_logprobs": [None, -1.5, -0.5], "text_offset": [0, 1, 2]}
    with openai_server() as server:
        server.answer = lambda _: (200, {"choices": [{"text": "abc", "finish_reason": "length", "logprobs": logprobs}]})
        asked = transport(server, tmp_path)
        assert -1.5 == asked.log_probability(TextPrompt("ab"))
        asked.close()
        asked._process.stop()
        chat = transport(server, tmp_path, "chat")
        with pytest.raises(RequestError, match="the chat API returns no probability"):
            chat.log_probability(TEXT)
        chat.close()
        chat._process.stop()


def test_a_refusal_is_of_the_question_while_the_server_runs(tmp_path: Path) -> None:
    """Once it has ended, the error is the server's: how it ended, and its last lines."""
    program = f"""
import pathlib, time
print("out of memory", flush=True)
while not pathlib.Path({str(tmp_path / "end")!r}).exists():
    time.sleep(0.05)
exit(5)
"""
    with openai_server() as server:
        server.answer = lambda _: (400, {"error": {"message": "too long"}})
        asked = transport(server, tmp_path, program=program)
        with pytest.raises(RequestError, match="too long"):
            asked.send(TEXT, GenerationOptions())
        (tmp_path / "end").touch()
        asked._process.wait()
        with pytest.raises(
            EndpointError, match=r"exited with code 5 while it was asked; .*last log lines: out of memory"
        ):
            asked.send(TEXT, GenerationOptions())
        asked.close()
