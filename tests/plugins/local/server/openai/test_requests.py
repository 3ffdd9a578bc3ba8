from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import attrs

from llmops_plugins.local.engine.request import GenerationRequest, TokenPrompt
from llmops_plugins.local.server.fields import BadRequestError
from llmops_plugins.local.server.openai.requests import Body, parse_chat, parse_completion

MODEL = "tuned"
CHAT: Any = [{"role": "user", "content": "a"}]


def test_a_chat_becomes_a_request() -> None:
    """OpenAI's default temperature is 1; without a limit the answer may fill the context; the newer name comes first."""
    (open_ended,) = parse_chat({"model": MODEL, "messages": CHAT}, MODEL).requests
    assert GenerationRequest(CHAT, max_new_tokens=None, temperature=1.0) == open_ended
    body = {
        "messages": [{"role": "user", "content": "a", "name": "me", "tool_calls": None}], "max_tokens": 5,
        "max_completion_tokens": 4, "temperature": 0.5, "top_p": 0.9, "stop": "x", "seed": 3, "logprobs": True,
        "top_logprobs": 2, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    request = GenerationRequest(
        CHAT, max_new_tokens=4, temperature=0.5, top_p=0.9, stop=("x",), seed=3, scores_tokens=True, alternatives=2
    )
    assert Body((request,), streams=True, streams_usage=True) == parse_chat(body, MODEL)


def test_the_content_of_a_message_may_be_parts() -> None:
    """Their texts are joined; the developer's turn is the system's."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": "developer", "content": "c"}, {"role": "user", "content": parts}]
    (request,) = parse_chat({"messages": messages}, MODEL).requests
    assert [{"role": "system", "content": "c"}, {"role": "user", "content": "ab"}] == request.prompt


def test_a_text_completion_becomes_a_request_for_each_prompt() -> None:
    """Sixteen tokens are OpenAI's default; `echo` returns the prompt, scored where log-probabilities are asked for."""
    (short,) = parse_completion({"prompt": "a"}, MODEL).requests
    assert GenerationRequest("a", max_new_tokens=16, temperature=1.0) == short
    body = {"prompt": ["a", "\n"], "max_tokens": 0, "temperature": 0, "echo": True, "logprobs": 0}
    request = GenerationRequest("a", max_new_tokens=0, return_full_text=True, scores_prompt=True, scores_tokens=True)
    assert Body((request, attrs.evolve(request, prompt="\n"))) == parse_completion(body, MODEL)
    (unscored,) = parse_completion({**body, "prompt": "a", "logprobs": None}, MODEL).requests
    assert (True, False, False) == (unscored.return_full_text, unscored.scores_prompt, unscored.scores_tokens)


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2], [3]]])
def test_a_prompt_may_be_tokens(prompt: Any) -> None:
    """One list of them, or a list of lists."""
    lists = prompt if isinstance(prompt[0], list) else [prompt]
    requests = parse_completion({"prompt": prompt}, MODEL).requests
    assert [TokenPrompt(tuple(tokens)) for tokens in lists] == [request.prompt for request in requests]


@pytest.mark.parametrize("name", ["n", "frequency_penalty", "logit_bias", "tools", "tool_choice", "response_format"])
def test_what_has_no_effect_may_be_sent(name: str) -> None:
    """Clients send the defaults of fields that are not supported."""
    neutral = {"n": 1, "frequency_penalty": 0.0, "logit_bias": {}, "tools": [], "tool_choice": "auto"}
    value = neutral.get(name, {"type": "text"})
    assert parse_chat({"messages": CHAT}, MODEL) == parse_chat({"messages": CHAT, name: value, "user": "me"}, MODEL)
    assert parse_chat({"messages": CHAT}, MODEL) == parse_chat({"messages": CHAT, name: None}, MODEL)


@pytest.mark.parametrize(
    ("fields", "field", "code", "reason"),
    [
        ({"n": 2}, "n", "unsupported_value", "'n' 2 is not supported: leave it out"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_value", "is not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_value", "is not supported"),
        ({"presence_penalty": 0.5}, "presence_penalty", "unsupported_value", "is not supported"),
        ({"message": []}, "message", None, "did you mean 'messages'"),
        ({"top_logprobs": 2}, "top_logprobs", None, "'top_logprobs' needs 'logprobs': true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", None, "a whole number from 0 to 20, not 21"),
        ({"logprobs": 3}, "logprobs", None, "true or false, not 3"),
        ({"max_tokens": 0}, "max_tokens", None, "a whole number from 1"),
        ({"stream_options": {}}, "stream_options", None, "'stream_options' needs 'stream': true"),
        ({"stream": True, "stream_options": 1}, "stream_options", None, "must be an object, not a number"),
        ({"messages": []}, "messages", None, "'messages' must be a list of objects"),
        ({"messages": [{"role": "user"}]}, "messages[0]", None, "an object with 'role' and 'content'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0]", None, "not 'image_url': the model reads only text",
        ),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "messages[0].tool_calls", None, "is not supported",
        ),
    ],
)  # fmt: skip
def test_a_bad_chat_is_refused_with_its_field(
    fields: dict[str, Any], field: str, code: str | None, reason: str
) -> None:
    """The error is one line with what is wrong and what is allowed."""
    with pytest.raises(BadRequestError) as caught:
        parse_chat({"messages": CHAT, **fields}, MODEL)
    assert (400, field, code) == (caught.value.status, caught.value.field, caught.value.code)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"prompt": None}, "prompt", "'prompt' must be text, not null"),
        ({"prompt": []}, "prompt", "1 to 256 prompts, not 0"),
        ({"prompt": [[1], [-1]]}, "prompt", "lists of tokens, which are whole numbers from 0"),
        ({"prompt": [1, "a"]}, "prompt", "lists of tokens"),
        ({"logprobs": True}, "logprobs", "a whole number from 0 to 20, not true"),
        ({"echo": True, "stream": True}, "echo", "'echo' is not supported with 'stream'"),
        ({"best_of": 2}, "best_of", "is not supported"),
        ({"suffix": "x"}, "suffix", "is not supported"),
    ],
)
def test_a_bad_text_completion_is_refused_with_its_field(fields: dict[str, Any], field: str, reason: str) -> None:
    """As a chat is."""
    with pytest.raises(BadRequestError) as caught:
        parse_completion({"prompt": "a", **fields}, MODEL)
    assert field == caught.value.field
    assert reason in str(caught.value)


def test_another_model_is_not_found() -> None:
    """The message names the model that the server has."""
    with pytest.raises(BadRequestError, match="no model 'gpt', only 'tuned'") as caught:
        parse_chat({"messages": CHAT, "model": "gpt"}, MODEL)
    assert (404, "model", "model_not_found") == (caught.value.status, caught.value.field, caught.value.code)
