from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

import attrs

from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.server.requests import Body, parse_invocation

from .running import RunningServer

BAD_BODIES = [
    (b"", "the body is empty"),
    (b"{", "not JSON"),
    (b'{"inputs": "\xff"}', "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"[1]", "must be a JSON object, not a list"),
    (b"{}", "no 'inputs'"),
    (b'{"inputs": ""}', "'inputs' is empty"),
    (b'{"inputs": []}', "1 to 256 prompts, not 0"),
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
    (b'{"inputs": "a", "parameters": {"temperature": 0, "do_sample": true}}', "raise the temperature or do not sample"),
    (b'{"inputs": "a", "parameters": {"top_p": 0}}', "a number above 0 and at most 1"),
    (b'{"inputs": "a", "parameters": {"stop": [""]}}', "none of them empty"),
    (b'{"inputs": "a", "parameters": {"stop": 1}}', "a text or up to 16 texts"),
    (b'{"inputs": "a", "parameters": {"seed": -1}}', "'parameters.seed' must be a whole number"),
    (b'{"inputs": "a", "parameters": {"details": 1}}', "true or false"),
    (b'{"inputs": "a", "parameters": {"decoder_input_details": true}}', "'parameters.details' is not: set both"),
    (b'{"inputs": "a", "parameters": {"decoder_input_details": 1}}', "true or false"),
    (b'{"messages": []}', "'messages' must be a list of objects"),
    (b'{"messages": [{"role": "user"}]}', "'messages[0]' must be an object with 'role' and 'content'"),
    (b'{"messages": [{"role": "user", "content": 1}]}', "'messages[0].content' must be text"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_BODIES)
def test_a_bad_body_is_rejected_with_one_clear_line(server: RunningServer, body: bytes, reason: str) -> None:
    """It names what is wrong and what is allowed, with the container's status 400."""
    response = server.client.post("/invocations", content=body, headers={"Content-Type": "application/json"})
    assert (400, "ValidationError") == (response.status_code, response.headers["x-amzn-ErrorType"])
    message = response.json()["Message"]
    assert reason in message
    assert "\n" not in message


def test_an_invocation_becomes_a_request_for_each_input() -> None:
    """Every parameter of TGI has its place; without `do_sample`, a temperature means sampling."""
    parameters = {
        "max_new_tokens": 5, "temperature": 0.7, "top_p": 0.9, "stop": ["x", "y"], "seed": 3, "return_full_text": True,
        "details": True, "decoder_input_details": True,
    }  # fmt: skip
    expected = GenerationRequest(
        "a", max_new_tokens=5, temperature=0.7, top_p=0.9, stop=("x", "y"), seed=3, return_full_text=True,
        scores_prompt=True,
    )  # fmt: skip
    body = parse_invocation({"inputs": ["a", "b"], "parameters": parameters})
    assert Body((expected, attrs.evolve(expected, prompt="b")), details=True) == body
    assert Body((GenerationRequest("a"),)) == parse_invocation({"inputs": "a"})


@pytest.mark.parametrize(
    ("parameters", "temperature"),
    [
        ({}, 0.0),
        ({"temperature": 0}, 0.0),
        ({"do_sample": True}, 1.0),
        ({"temperature": 0.5}, 0.5),
        ({"temperature": 0.5, "do_sample": False}, 0.0),
    ],
)
def test_do_sample_and_temperature_decide_how_tokens_are_chosen(parameters: dict[str, Any], temperature: float) -> None:
    """Temperature 0 of a generation request is greedy."""
    (request,) = parse_invocation({"inputs": "a", "parameters": parameters}).requests
    assert temperature == request.temperature
