from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import attrs
import httpx

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.engine import Answer, Engine, Request
from llmops_plugins.local.server.app import make_app
from llmops_plugins.local.server.worker import Worker
from llmops_sdk.plugin import Endpoint, HttpTransport, TextPrompt

NAME = "llmops-test"
PROMPTS = ("Summarize the text.", "Which bridge is the oldest?", "A town on a river has three bridges.", "x")


@attrs.frozen
class Started:
    """A server process and a client for it."""

    process: subprocess.Popen[bytes]
    ready: Mapping[str, Any]
    client: httpx.Client

    def invoke(self, inputs: str | list[str], **parameters: Any) -> Any:
        response = self.client.post("/invocations", json={"inputs": inputs, "parameters": parameters})
        assert 200 == response.status_code, response.text
        return response.json()

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = self.client.get("/stats").json()
        return found


def start(model: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_plugins.local.server.main", f"--model={model}", f"--name={NAME}", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so; fail when it is not in time."""
    until = time.monotonic() + seconds
    tick = threading.Event()
    while not check():
        assert time.monotonic() < until, "it did not come to be in time"
        tick.wait(0.02)


@pytest.fixture(scope="module")
def server(tiny_model: Path) -> Iterator[Started]:
    with start(tiny_model, "--max-batch=4", "--max-body-mb=0.1", "--dtype=float32") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        log = threading.Thread(target=process.stderr.read)  # so that its pipe never fills up
        log.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{ready['port']}", timeout=60, trust_env=False) as client:
            yield Started(process, ready, client)
        process.stdin.close()
        assert 0 == process.wait(10)
        log.join()


# -- SageMaker's container contract -------------------------------------------------------------


def test_it_tells_its_port_when_it_answers(server: Started) -> None:
    """The line on standard output has the port and what computes; the model is loaded by then."""
    assert {"device": "cpu", "dtype": "float32", "batching": "continuous"}.items() <= server.ready.items()
    assert 200 == server.client.get("/ping").status_code


def test_a_text_is_answered(server: Started) -> None:
    """One input gives a list of one; details are told when they are asked for."""
    (plain,) = server.invoke(PROMPTS[0], max_new_tokens=5)
    (detailed,) = server.invoke(PROMPTS[0], max_new_tokens=5, details=True, do_sample=False)
    assert ["generated_text"] == list(plain)
    assert plain["generated_text"] == detailed["generated_text"]
    assert {"finish_reason": "length", "generated_tokens": 5} == {
        name: detailed["details"][name] for name in ("finish_reason", "generated_tokens")
    }
    assert detailed["details"]["prompt_tokens"] > 1


def test_a_list_of_texts_is_answered_in_order(server: Started) -> None:
    """Each input gets the answer it gets alone; the full text has the prompt before it."""
    alone = [server.invoke(prompt, max_new_tokens=6)[0]["generated_text"] for prompt in PROMPTS]
    together = server.invoke(list(PROMPTS), max_new_tokens=6, return_full_text=True)
    assert [prompt + text for prompt, text in zip(PROMPTS, alone, strict=True)] == [
        answer["generated_text"] for answer in together
    ]


def test_many_clients_get_the_answers_each_would_get_alone(server: Started) -> None:
    """Twice as many clients as the batch has rows, with different lengths."""
    asked = [(PROMPTS[number % 4] + str(number), 3 + number % 7) for number in range(16)]

    def ask(item: tuple[str, int]) -> str:
        text: str = server.invoke(item[0], max_new_tokens=item[1])[0]["generated_text"]
        return text

    alone = [ask(item) for item in asked]
    with ThreadPoolExecutor(8) as pool:
        assert alone == list(pool.map(ask, asked))


def test_the_tokens_of_a_prompt_are_told_with_their_probabilities(server: Started, tiny_model: Path) -> None:
    """As TGI's `details.prefill`, for each input of a body, the first token without one; only where it was asked for."""
    wanted = {"max_new_tokens": 1, "do_sample": False, "details": True}
    plain = server.invoke(list(PROMPTS), **wanted)
    found = server.invoke(list(PROMPTS), **wanted, decoder_input_details=True)
    engine = Engine(tiny_model, Device("cpu", "", "float32"))
    expected = engine.generate([Request(prompt, max_new_tokens=1, scores_prompt=True) for prompt in PROMPTS])
    for one, other, answer in zip(plain, found, expected, strict=True):
        assert isinstance(answer, Answer)
        prefill = other["details"].pop("prefill")
        assert one == other
        assert [(token.id, token.text) for token in answer.prompt] == [(it["id"], it["text"]) for it in prefill]
        assert prefill[0]["logprob"] is None
        assert [token.log_probability for token in answer.prompt[1:]] == pytest.approx(
            [it["logprob"] for it in prefill[1:]], abs=1e-4
        )


def test_the_client_reads_the_probability_of_a_text(server: Started, tiny_model: Path) -> None:
    """`HttpTransport.log_probability` gives the sum over the tokens after the first, as transformers computes it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(tiny_model)(PROMPTS[2], return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        logits = AutoModelForCausalLM.from_pretrained(tiny_model)(input_ids=ids).logits[0, :-1]
    expected = -torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
    transport = HttpTransport(
        Endpoint(NAME, url=f"http://127.0.0.1:{server.ready['port']}/endpoints/{NAME}/invocations")
    )
    try:
        assert expected == pytest.approx(transport.log_probability(TextPrompt(PROMPTS[2], "")), rel=1e-5)
    finally:
        transport.close()


def test_sampling_follows_its_seed(server: Started) -> None:
    """The same seed gives the same text; without a seed two answers differ."""
    hot = {"max_new_tokens": 24, "temperature": 3.0}
    one, two = (server.invoke(PROMPTS[0], **hot, seed=5) for _ in range(2))
    free, other = (server.invoke(PROMPTS[0], **hot, do_sample=True) for _ in range(2))
    assert one == two
    assert free != other


def test_a_stop_string_may_be_a_text_or_a_list(server: Started) -> None:
    """Both forms cut the answer before the string."""
    whole = server.invoke(PROMPTS[1], max_new_tokens=12)[0]["generated_text"]
    stop = whole[4:7]
    for form in (stop, [stop, "never there"]):
        (found,) = server.invoke(PROMPTS[1], max_new_tokens=12, stop=form, details=True)
        assert (whole[: whole.index(stop)], "stop") == (found["generated_text"], found["details"]["finish_reason"])


def test_messages_are_answered_on_the_same_path(server: Started) -> None:
    """A body with messages gets OpenAI's form, as from SageMaker's newer containers."""
    body = {"messages": [{"role": "user", "content": PROMPTS[1]}], "max_tokens": 5, "temperature": 0}
    invoked = server.client.post("/invocations", json=body).json()
    chatted = server.client.post("/v1/chat/completions", json=body).json()
    assert invoked["choices"] == chatted["choices"]


def test_what_was_asked_is_counted(server: Started) -> None:
    """Bodies, prompts in them and generated tokens; refused bodies are none of them."""
    before = server.stats()
    server.invoke(list(PROMPTS), max_new_tokens=3)
    server.client.post("/invocations", json={"inputs": ""})
    after = server.stats()
    names = ("requests", "records", "answered", "output_tokens")
    assert (1, 4, 4, 12) == tuple(after[name] - before[name] for name in names)
    assert 0 == after["pending"]


# -- refusals -----------------------------------------------------------------------------------

BAD_BODIES = [
    (b"", "the body is empty"),
    (b"{", "no JSON"),
    (b'{"inputs": "\xff"}', "no JSON"),
    (b"[" * 100_000, "no JSON"),
    (b"[1]", "must be a JSON object, not a list"),
    (b"{}", "no 'inputs'"),
    (b'{"inputs": ""}', "'inputs' is empty"),
    (b'{"inputs": []}', "1 to 256 texts, not 0"),
    (b'{"inputs": ["a", 3]}', "'inputs' must be text, not a number"),
    (b'{"inputs": {"text": "a"}}', "must be text, not an object"),
    (b'{"inputs": "\\ud800"}', "surrogate"),
    (b'{"input": "a"}', "unknown field 'input'; did you mean 'inputs'?"),
    (b'{"inputs": "a", "parameters": []}', "'parameters' must be an object, not a list"),
    (b'{"inputs": "a", "parameters": {"max_tokens": 3}}', "did you mean 'max_new_tokens'? known: max_new_tokens, temp"),
    (b'{"inputs": "a", "parameters": {"top_k": 3}}', "unknown parameter 'top_k'"),
    (b'{"inputs": "a", "parameters": {"max_new_tokens": 0}}', "a whole number from 1 to 1048576, not 0"),
    (b'{"inputs": "a", "parameters": {"max_new_tokens": true}}', "whole number"),
    (b'{"inputs": "a", "parameters": {"max_new_tokens": "5"}}', 'not "5"'),
    (b'{"inputs": "a", "parameters": {"max_new_tokens": 5000}}', "context length of 1024"),
    (b'{"inputs": ["a", "b"], "parameters": {"max_new_tokens": 5000}}', "inputs[0]: the prompt has"),
    (b'{"inputs": "a", "parameters": {"temperature": -1}}', "'parameters.temperature' must be a number from 0 to 100"),
    (b'{"inputs": "a", "parameters": {"temperature": NaN}}', "a number from 0"),
    (b'{"inputs": "a", "parameters": {"temperature": 0, "do_sample": true}}', "raise the one or drop the other"),
    (b'{"inputs": "a", "parameters": {"top_p": 0}}', "a number above 0, 1 at the most"),
    (b'{"inputs": "a", "parameters": {"stop": [""]}}', "none of them empty"),
    (b'{"inputs": "a", "parameters": {"stop": 1}}', "a text or up to 16 texts"),
    (b'{"inputs": "a", "parameters": {"seed": -1}}', "'parameters.seed' must be a whole number"),
    (b'{"inputs": "a", "parameters": {"details": 1}}', "true or false"),
    (b'{"inputs": "a", "parameters": {"decoder_input_details": true}}', "'parameters.details' is not: set both"),
    (b'{"inputs": "a", "parameters": {"decoder_input_details": 1}}', "true or false"),
    (b'{"messages": []}', "'messages' must be a list of objects"),
    (b'{"messages": [{"role": "user"}]}', "'messages[0]' must be an object with 'role' and 'content'"),
    (b'{"messages": [{"role": "user", "content": [1]}]}', "'messages[0].content' must be text"),
    (b'{"messages": [{"role": "user", "content": "a"}], "stream": true}', "'stream' True is not supported"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_BODIES)
def test_a_bad_body_is_refused_with_one_clear_line(server: Started, body: bytes, reason: str) -> None:
    """What is wrong and what would be right, as the container's 400."""
    response = server.client.post("/invocations", content=body, headers={"Content-Type": "application/json"})
    assert (400, "ValidationError") == (response.status_code, response.headers["x-amzn-ErrorType"])
    message = response.json()["Message"]
    assert reason in message
    assert "\n" not in message


def test_only_json_is_taken(server: Started) -> None:
    """Another content type is a 415; JSON with a charset, or without any type, is JSON."""
    for kind, status in (("text/plain", 415), ("application/json; charset=utf-8", 200), ("", 200)):
        body = b'{"inputs": "a", "parameters": {"max_new_tokens": 1}}'
        response = server.client.post("/invocations", content=body, headers={"Content-Type": kind} if kind else {})
        assert status == response.status_code


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(server: Started, chunked: bool) -> None:  # noqa: FBT001
    """By its declared length, and by what comes when none is declared; the message has the limit."""
    body = json.dumps({"inputs": "a" * 200_000}).encode()
    content = iter([body[:1000], body[1000:]]) if chunked else body
    response = server.client.post("/invocations", content=content, headers={"Content-Type": "application/json"})
    assert (413, True) == (response.status_code, "larger than 0.1 MB" in response.json()["Message"])


def test_unknown_paths_and_methods_are_told(server: Started) -> None:
    """As JSON, like all errors."""
    assert (404, 405) == (server.client.get("/nowhere").status_code, server.client.get("/invocations").status_code)
    assert "/nowhere" in server.client.get("/nowhere").json()["error"]["message"]


def test_a_client_that_leaves_gives_its_row_free(server: Started) -> None:
    """A request that nobody waits for any more ends long before its answer would."""
    with pytest.raises(httpx.ReadTimeout):
        server.client.post(
            "/invocations", json={"inputs": PROMPTS, "parameters": {"max_new_tokens": 1000}}, timeout=0.3
        )
    eventually(lambda: server.stats()["pending"] == 0, 10)
    assert server.stats()["output_tokens"] < 2000


# -- SageMaker Runtime --------------------------------------------------------------------------


def test_the_runtime_path_knows_its_endpoint(server: Started) -> None:
    """It answers as the container does, and echoes the custom attributes."""
    response = server.client.post(
        f"/endpoints/{NAME}/invocations",
        json={"inputs": PROMPTS[0], "parameters": {"max_new_tokens": 3}},
        headers={"X-Amzn-SageMaker-Custom-Attributes": "accept_eula=true"},
    )
    assert server.invoke(PROMPTS[0], max_new_tokens=3) == response.json()
    assert "accept_eula=true" == response.headers["X-Amzn-SageMaker-Custom-Attributes"]


@pytest.fixture
def runtime(server: Started) -> Any:
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://127.0.0.1:{server.ready['port']}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(proxies={}, retries={"max_attempts": 0}),
    )


def invoke(runtime: Any, body: bytes, name: str = NAME) -> Any:
    return runtime.invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=body, CustomAttributes="accept_eula=true"
    )


def test_boto3_asks_it_like_an_endpoint_of_aws(server: Started, runtime: Any) -> None:
    """The client of AWS gets the answer, its type and the attributes."""
    found = invoke(runtime, json.dumps({"inputs": PROMPTS[0], "parameters": {"max_new_tokens": 4}}).encode())
    assert server.invoke(PROMPTS[0], max_new_tokens=4) == json.loads(found["Body"].read())
    assert ("application/json", "accept_eula=true", "AllTraffic") == tuple(
        found[name] for name in ("ContentType", "CustomAttributes", "InvokedProductionVariant")
    )


def test_boto3_gets_the_errors_of_aws(runtime: Any) -> None:
    """Typed: an unknown endpoint is a ValidationError, what the container refuses a ModelError with its status."""
    with pytest.raises(runtime.exceptions.ValidationError, match="'other' not found"):
        invoke(runtime, b"{}", name="other")
    with pytest.raises(runtime.exceptions.ModelError) as found:
        invoke(runtime, b'{"inputs": ""}')
    response = found.value.response
    assert (424, 400) == (response["ResponseMetadata"]["HTTPStatusCode"], response["OriginalStatusCode"])
    assert "'inputs' is empty" == response["OriginalMessage"]
    with pytest.raises(runtime.exceptions.ValidationError, match="larger than"):
        invoke(runtime, b'{"inputs": "%s"}' % (b"a" * 200_000))


# -- OpenAI -------------------------------------------------------------------------------------


def test_chat_completions_have_openais_form(server: Started) -> None:
    """Message, reason and usage."""
    body = {"model": NAME, "messages": [{"role": "user", "content": PROMPTS[1]}], "max_tokens": 5, "temperature": 0}
    found = server.client.post("/v1/chat/completions", json=body).json()
    (choice,) = found["choices"]
    assert ("chat.completion", NAME, "length", "assistant") == (
        found["object"], found["model"], choice["finish_reason"], choice["message"]["role"]
    )  # fmt: skip
    usage = found["usage"]
    assert (5, usage["prompt_tokens"] + 5) == (usage["completion_tokens"], usage["total_tokens"])


def test_text_completions_have_openais_form(server: Started) -> None:
    """A list of prompts gives one choice each; `echo` puts the prompt before it."""
    body = {"prompt": list(PROMPTS[:2]), "max_tokens": 4, "temperature": 0, "echo": True}
    found = server.client.post("/v1/completions", json=body).json()
    plain = server.invoke(list(PROMPTS[:2]), max_new_tokens=4, return_full_text=True)
    assert [answer["generated_text"] for answer in plain] == [choice["text"] for choice in found["choices"]]
    assert 8 == found["usage"]["completion_tokens"]


def test_the_model_is_listed(server: Started) -> None:
    """Under the endpoint's name."""
    assert [NAME] == [model["id"] for model in server.client.get("/v1/models").json()["data"]]


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "stream": True}, 400, "'stream'"),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "n": 2}, 400, "'n' 2"),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "model": "gpt"}, 404, "no model 'gpt'"),
        ("chat/completions", {"message": []}, 400, "did you mean 'messages'"),
        ("completions", {"prompt": [1, 2]}, 400, "'prompt' must be text"),
        ("completions", {"prompt": "a", "max_tokens": 5000}, 400, "context length"),
    ],
)
def test_openais_paths_refuse_in_openais_form(
    server: Started, path: str, body: dict[str, Any], status: int, reason: str
) -> None:
    """`error` has the message and the type."""
    response = server.client.post(f"/v1/{path}", json=body)
    error = response.json()["error"]
    assert (status, "invalid_request_error") == (response.status_code, error["type"])
    assert reason in error["message"]


# -- load and failure ---------------------------------------------------------------------------


@pytest.fixture
def worker(tiny_model: Path) -> Worker:
    return Worker(Engine(tiny_model, Device("cpu", "", "float32"), max_batch=2), window=0.0, most_waiting=3)


def post(app: Any, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """Ask the application in this process."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:
            return await client.post(path, json=body)

    return asyncio.run(ask())


def test_a_full_queue_says_when_to_come_back(worker: Worker) -> None:
    """503 with Retry-After on every path; one large body is taken when nothing else waits."""
    app = make_app(NAME, worker, max_body=1000)
    worker.submit([Request("a", max_new_tokens=1)] * 4)
    for path, body in (
        ("/invocations", {"inputs": "a"}),
        (f"/endpoints/{NAME}/invocations", {"inputs": "a"}),
        ("/v1/completions", {"prompt": "a"}),
    ):
        response = post(app, path, body)
        assert (503, "1") == (response.status_code, response.headers["Retry-After"])
        assert "ask again later" in response.text
    assert 1 == worker.counts.requests


def test_a_failing_model_is_told_and_the_next_request_is_answered(worker: Worker) -> None:
    """What breaks in the model is a 500 of the container, and a ModelError of the runtime."""
    rows: Any = worker._engine._rows
    step = rows.step

    def fail_once(_tokens: object) -> Any:
        rows.step = step
        message = "out of memory"
        raise RuntimeError(message)

    app = make_app(NAME, worker, max_body=1000)
    worker.start()
    body = {"inputs": "a", "parameters": {"max_new_tokens": 3}}
    for path, status in (("/invocations", 500), (f"/endpoints/{NAME}/invocations", 424)):
        rows.step = fail_once
        response = post(app, path, body)
        assert (status, "ModelError") == (response.status_code, response.headers["x-amzn-ErrorType"])
        assert "out of memory" in response.json()["Message"]
        assert 200 == post(app, path, body).status_code


# -- life and death -----------------------------------------------------------------------------


def test_ctrl_c_is_the_parents_affair(server: Started) -> None:
    """SIGINT does not end the server."""
    os.kill(server.process.pid, signal.SIGINT)
    assert 200 == server.client.get("/ping").status_code
    assert server.process.poll() is None


def test_it_ends_while_it_is_loading(tiny_model: Path) -> None:
    """Closing its standard input ends it before it was ever ready."""
    with start(tiny_model) as process:
        out, _ = process.communicate(timeout=20)  # closes standard input first
    assert (0, b"") == (process.returncode, out)
