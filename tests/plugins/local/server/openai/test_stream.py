from __future__ import annotations

import json
import threading
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.server.app import make_app
from llmops_plugins.local.server.worker import EngineWorker

from ..running import NAME, PROMPTS, RunningServer, eventually
from ..test_failures import post

CHAT: Any = {"messages": [{"role": "user", "content": PROMPTS[1]}], "temperature": 0}


def events(server: RunningServer, path: str, body: dict[str, Any]) -> list[Any]:
    """The chunks of a stream, which ends as OpenAI's do."""
    with server.client.stream("POST", f"/v1/{path}", json={**body, "stream": True}) as response:
        assert (200, "text/event-stream; charset=utf-8") == (response.status_code, response.headers["content-type"])
        lines = [line for line in response.iter_lines() if line]
    assert "data: [DONE]" == lines[-1]
    assert all(line.startswith("data: {") for line in lines[:-1])
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_a_streamed_chat_is_the_chat_in_pieces(server: RunningServer) -> None:
    """The same text, reason and usage; a piece comes for each token that ends a character."""
    body = {**CHAT, "max_tokens": 12}
    whole = server.client.post("/v1/chat/completions", json=body).json()
    chunks = events(server, "chat/completions", {**body, "stream_options": {"include_usage": True}})
    *deltas, counts = chunks
    assert whole["choices"][0]["message"]["content"] == "".join(
        chunk["choices"][0]["delta"].get("content", "") for chunk in deltas
    )
    assert len(deltas) > 6
    assert [None] * (len(deltas) - 1) + ["length"] == [chunk["choices"][0]["finish_reason"] for chunk in deltas]
    assert ([], whole["usage"]) == (counts["choices"], counts["usage"])
    assert not any("usage" in chunk and chunk["usage"] for chunk in events(server, "chat/completions", body))


def test_streamed_tokens_are_scored_like_others(server: RunningServer) -> None:
    """Every generated token comes once, in a chunk, with its offset in text completions."""
    body = {"prompt": PROMPTS[0], "max_tokens": 8, "temperature": 0, "logprobs": 2}
    expected = server.client.post("/v1/completions", json=body).json()["choices"][0]
    chunks = [chunk["choices"][0] for chunk in events(server, "completions", body)]
    assert expected["text"] == "".join(chunk["text"] for chunk in chunks)
    for name in ("tokens", "text_offset"):
        streamed = [value for chunk in chunks if chunk["logprobs"] for value in chunk["logprobs"][name]]
        assert expected["logprobs"][name] == streamed
    scores = [value for chunk in chunks if chunk["logprobs"] for value in chunk["logprobs"]["token_logprobs"]]
    assert expected["logprobs"]["token_logprobs"] == pytest.approx(scores, abs=1e-4)


def test_a_stop_string_never_reaches_the_client(server: RunningServer) -> None:
    """Not even a part of it, although its tokens are generated one by one."""
    body = {"prompt": PROMPTS[1], "max_tokens": 12, "temperature": 0}
    whole = server.client.post("/v1/completions", json=body).json()["choices"][0]["text"]
    body["stop"] = [whole[5:9]]
    expected = server.client.post("/v1/completions", json=body).json()["choices"][0]
    chunks = [chunk["choices"][0] for chunk in events(server, "completions", body)]
    assert (expected["text"], "stop") == ("".join(chunk["text"] for chunk in chunks), chunks[-1]["finish_reason"])


def test_several_prompts_are_streamed_together(server: RunningServer) -> None:
    """Each chunk names its prompt; each prompt gets the text it gets alone."""
    body = {"prompt": list(PROMPTS), "max_tokens": 6, "temperature": 0}
    expected = [choice["text"] for choice in server.client.post("/v1/completions", json=body).json()["choices"]]
    texts = [""] * len(PROMPTS)
    order = []
    for chunk in events(server, "completions", body):
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["text"]
        order.append(choice["index"])
    assert expected == texts
    assert order != sorted(order)


def test_a_stream_shares_the_batch_with_others(server: RunningServer) -> None:
    """A completion that starts during a stream ends before it."""
    body = {"prompt": [PROMPTS[0]] * 3, "max_tokens": 900, "stream": True}
    with server.client.stream("POST", "/v1/completions", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        server.invoke(PROMPTS[0], max_new_tokens=3)
        assert server.stats()["pending"] > 0
        rest = [line for line in lines if line]
    assert "data: [DONE]" == rest[-1]


def test_a_client_that_leaves_a_stream_frees_its_rows(server: RunningServer) -> None:
    """Long before all completions would be done; those that wait for a row never start."""
    before = server.stats()
    body = {"prompt": [PROMPTS[0]] * 32, "max_tokens": 900, "stream": True}
    with server.client.stream("POST", "/v1/completions", json=body) as response:
        next(response.iter_lines())
    eventually(lambda: server.stats()["pending"] == 0, 10)
    assert server.stats()["answered"] - before["answered"] < 16


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [({"max_tokens": 5000}, 400, "context_length_exceeded"), ({"model": "gpt"}, 404, "model_not_found")],
)
def test_a_refused_stream_is_an_error_with_its_status(
    server: RunningServer, fields: dict[str, Any], status: int, code: str
) -> None:
    """No stream starts."""
    response = server.client.post("/v1/chat/completions", json={**CHAT, **fields, "stream": True})
    assert (status, code) == (response.status_code, response.json()["error"]["code"])


def test_a_model_that_fails_during_a_stream_is_an_error_in_it(worker: EngineWorker) -> None:
    """The stream then ends without its usual end."""
    model: Any = worker._engine._model
    step, steps = model.step, iter(range(3))

    def fail_at_last(tokens: Any) -> Any:
        if next(steps, None) is None:
            message = "out of memory"
            raise RuntimeError(message)
        return step(tokens)

    model.step = fail_at_last
    worker.start()
    response = post(make_app(NAME, worker, max_body=1000), "/v1/completions", {"prompt": "a", "stream": True})
    *chunks, error = [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line]
    assert (200, True) == (response.status_code, all("choices" in chunk for chunk in chunks))
    assert ("server_error", True) == (error["error"]["type"], "out of memory" in error["error"]["message"])


def test_streams_of_many_clients_stay_apart(server: RunningServer) -> None:
    """Twice as many as the batch has rows."""
    prompts = [f"{PROMPTS[number % 4]} {number}" for number in range(8)]
    alone = [server.invoke(prompt, max_new_tokens=8)[0]["generated_text"] for prompt in prompts]
    texts: dict[int, str] = {}

    def stream(number: int) -> None:
        body = {"prompt": prompts[number], "max_tokens": 8, "temperature": 0}
        texts[number] = "".join(chunk["choices"][0]["text"] for chunk in events(server, "completions", body))

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone == [texts[number] for number in range(8)]


def test_a_stream_needs_room_in_the_queue(worker: EngineWorker) -> None:
    """A full queue is a 503 with the time to try again."""
    worker.submit([GenerationRequest("a", max_new_tokens=1)] * 2)
    response = post(make_app(NAME, worker, max_body=1000), "/v1/completions", {"prompt": ["a"] * 2, "stream": True})
    assert (503, "1") == (response.status_code, response.headers["Retry-After"])
