from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import httpx

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.request import Completion, GenerationRequest
from llmops_sdk.plugin import Endpoint, HttpTransport, TextPrompt

from .running import NAME, PROMPTS, RunningServer, eventually, invoke


def test_a_text_is_completed(server: RunningServer) -> None:
    """One input gives a list of one; details are included if they are asked for."""
    (plain,) = server.invoke(PROMPTS[0], max_new_tokens=5)
    (detailed,) = server.invoke(PROMPTS[0], max_new_tokens=5, details=True, do_sample=False)
    assert ["generated_text"] == list(plain)
    assert plain["generated_text"] == detailed["generated_text"]
    assert {"finish_reason": "length", "generated_tokens": 5} == {
        name: detailed["details"][name] for name in ("finish_reason", "generated_tokens")
    }
    assert detailed["details"]["prompt_tokens"] > 1


def test_a_list_of_texts_is_completed_in_order(server: RunningServer) -> None:
    """Each input gets the completion it gets alone; the full text starts with the prompt."""
    alone = [server.invoke(prompt, max_new_tokens=6)[0]["generated_text"] for prompt in PROMPTS]
    together = server.invoke(list(PROMPTS), max_new_tokens=6, return_full_text=True)
    assert [prompt + text for prompt, text in zip(PROMPTS, alone, strict=True)] == [
        item["generated_text"] for item in together
    ]


def test_concurrent_clients_get_the_completions_each_would_get_alone(server: RunningServer) -> None:
    """Twice as many clients as the batch has rows, with different lengths."""
    requests = [(PROMPTS[number % 4] + str(number), 3 + number % 7) for number in range(16)]

    def complete(request: tuple[str, int]) -> str:
        text: str = server.invoke(request[0], max_new_tokens=request[1])[0]["generated_text"]
        return text

    alone = [complete(request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        assert alone == list(pool.map(complete, requests))


def test_the_tokens_of_a_prompt_are_returned_with_their_log_probabilities(
    server: RunningServer, tiny_model: Path
) -> None:
    """As TGI's `details.prefill`, for each input of a body, the first token without one; only if asked for."""
    parameters = {"max_new_tokens": 1, "do_sample": False, "details": True}
    plain = server.invoke(list(PROMPTS), **parameters)
    scored = server.invoke(list(PROMPTS), **parameters, decoder_input_details=True)
    engine = Engine(tiny_model, Device("cpu", "", "float32"))
    expected = engine.generate([GenerationRequest(prompt, max_new_tokens=1, scores_prompt=True) for prompt in PROMPTS])
    for one, other, outcome in zip(plain, scored, expected, strict=True):
        assert isinstance(outcome, Completion)
        prefill = other["details"].pop("prefill")
        assert one == other
        assert [(token.id, token.text) for token in outcome.prompt] == [(it["id"], it["text"]) for it in prefill]
        assert prefill[0]["logprob"] is None
        assert [token.log_probability for token in outcome.prompt[1:]] == pytest.approx(
            [it["logprob"] for it in prefill[1:]], abs=1e-4
        )


@pytest.mark.parametrize(("path", "api"), [(f"endpoints/{NAME}/invocations", ""), ("v1/completions", "completions")])
def test_the_client_reads_the_log_probability_of_a_text(
    server: RunningServer, tiny_model: Path, path: str, api: str
) -> None:
    """`HttpTransport.log_probability` returns the sum over the tokens after the first, as transformers computes it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(tiny_model)(PROMPTS[2], return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        logits = AutoModelForCausalLM.from_pretrained(tiny_model)(input_ids=ids).logits[0, :-1]
    expected = -torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
    transport = HttpTransport(Endpoint(NAME, url=f"http://127.0.0.1:{server.ready['port']}/{path}", api=api))
    try:
        assert expected == pytest.approx(transport.log_probability(TextPrompt(PROMPTS[2], "")), rel=1e-5)
    finally:
        transport.close()


def test_sampling_follows_its_seed(server: RunningServer) -> None:
    """The same seed gives the same text; without a seed two completions differ."""
    hot = {"max_new_tokens": 24, "temperature": 3.0}
    one, two = (server.invoke(PROMPTS[0], **hot, seed=5) for _ in range(2))
    free, other = (server.invoke(PROMPTS[0], **hot, do_sample=True) for _ in range(2))
    assert one == two
    assert free != other


def test_a_stop_string_may_be_a_text_or_a_list(server: RunningServer) -> None:
    """Both forms cut the completion before the string."""
    whole = server.invoke(PROMPTS[1], max_new_tokens=12)[0]["generated_text"]
    stop = whole[4:7]
    for form in (stop, [stop, "never there"]):
        (cut,) = server.invoke(PROMPTS[1], max_new_tokens=12, stop=form, details=True)
        assert (whole[: whole.index(stop)], "stop") == (cut["generated_text"], cut["details"]["finish_reason"])


def test_messages_are_completed_on_the_same_path(server: RunningServer) -> None:
    """A body with messages gets OpenAI's form, as from SageMaker's newer containers."""
    body = {"messages": [{"role": "user", "content": PROMPTS[1]}], "max_tokens": 5, "temperature": 0}
    invoked = server.client.post("/invocations", json=body).json()
    chatted = server.client.post("/v1/chat/completions", json=body).json()
    assert invoked["choices"] == chatted["choices"]


def test_requests_are_counted(server: RunningServer) -> None:
    """Bodies, prompts in them and generated tokens; rejected bodies do not count."""
    before = server.stats()
    server.invoke(list(PROMPTS), max_new_tokens=3)
    server.client.post("/invocations", json={"inputs": ""})
    after = server.stats()
    names = ("requests", "records", "answered", "output_tokens")
    assert (1, 4, 4, 12) == tuple(after[name] - before[name] for name in names)
    assert 0 == after["pending"]


def test_only_json_is_accepted(server: RunningServer) -> None:
    """Another content type, or none, is a 415; JSON with a charset is JSON."""
    for kind, status in (("text/plain", 415), ("application/json; charset=utf-8", 200), ("", 415)):
        body = b'{"inputs": "a", "parameters": {"max_new_tokens": 1}}'
        response = server.client.post("/invocations", content=body, headers={"Content-Type": kind} if kind else {})
        assert status == response.status_code


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_rejected(server: RunningServer, chunked: bool) -> None:  # noqa: FBT001
    """By its declared length, and by its actual length if none is declared; the message has the limit."""
    body = json.dumps({"inputs": "a" * 200_000}).encode()
    content = iter([body[:1000], body[1000:]]) if chunked else body
    response = server.client.post("/invocations", content=content, headers={"Content-Type": "application/json"})
    assert (413, True) == (response.status_code, "larger than 0.1 MB" in response.json()["Message"])


def test_unknown_paths_and_methods_are_errors(server: RunningServer) -> None:
    """In JSON, like all errors."""
    assert (404, 405) == (server.client.get("/nowhere").status_code, server.client.get("/invocations").status_code)
    assert "/nowhere" in server.client.get("/nowhere").json()["error"]["message"]


def test_a_client_that_disconnects_frees_its_rows(server: RunningServer) -> None:
    """A request that nobody waits for any more ends long before its completion would."""
    before = server.stats()["output_tokens"]
    with pytest.raises(httpx.ReadTimeout):
        server.client.post(
            "/invocations", json={"inputs": PROMPTS, "parameters": {"max_new_tokens": 1000}}, timeout=0.3
        )
    eventually(lambda: server.stats()["pending"] == 0, 10)
    assert server.stats()["output_tokens"] - before < 2000


def test_the_runtime_path_returns_what_the_container_does(server: RunningServer) -> None:
    """It echoes the custom attributes."""
    response = server.client.post(
        f"/endpoints/{NAME}/invocations",
        json={"inputs": PROMPTS[0], "parameters": {"max_new_tokens": 3}},
        headers={"X-Amzn-SageMaker-Custom-Attributes": "accept_eula=true"},
    )
    assert server.invoke(PROMPTS[0], max_new_tokens=3) == response.json()
    assert "accept_eula=true" == response.headers["X-Amzn-SageMaker-Custom-Attributes"]


def test_boto3_invokes_it_like_an_endpoint_on_aws(server: RunningServer, runtime: Any) -> None:
    """AWS's client gets the completion, its type and the attributes."""
    response = invoke(runtime, json.dumps({"inputs": PROMPTS[0], "parameters": {"max_new_tokens": 4}}).encode())
    assert server.invoke(PROMPTS[0], max_new_tokens=4) == json.loads(response["Body"].read())
    assert ("application/json", "accept_eula=true", "AllTraffic") == tuple(
        response[name] for name in ("ContentType", "CustomAttributes", "InvokedProductionVariant")
    )


def test_the_model_is_listed(server: RunningServer) -> None:
    """Under the endpoint's name."""
    (model,) = server.client.get("/v1/models").json()["data"]
    assert (NAME, "model") == (model["id"], model["object"])
    assert model == server.client.get(f"/v1/models/{NAME}").json()


def test_a_model_that_is_not_there_is_an_error(server: RunningServer) -> None:
    """In OpenAI's form, also for a name with a slash."""
    response = server.client.get("/v1/models/some/other")
    error = response.json()["error"]
    assert (404, "model_not_found", "model") == (response.status_code, error["code"], error["param"])
