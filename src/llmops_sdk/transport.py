"""How a deployed model is asked over HTTP: the requests and answers that model servers understand, and the client.

`make_payload` and `parse_reply` are pure, so that transports of plugins (SageMaker Runtime) speak the same way. Texts
go as `{"inputs", "parameters"}` and chats as `{"messages", ...}`, to one URL: what SageMaker's model containers (TGI,
LMI) take, and the local server with them. `make_scoring_payload` and `parse_log_probability` are the same for the
probability of a text.
"""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import json
import math
import queue
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.interfaces import Transport
from llmops_sdk.values import ChatPrompt, Endpoint, GenerationOptions, Prompt, Reply

TIMEOUT = 600.0
"""Seconds to wait for one answer; a slow machine with a long queue needs minutes."""

_HTTP = re.compile(r"https?://[^\s/]+(/\S*)?$")
_CONNECT_TIMEOUT = 10.0
_SHOWN = 300

# Beside all of 5xx. 424 is SageMaker's "the container answered with an error": the container's own status decides.
_TRANSIENT = frozenset({408, 425, 429})
_MODEL_ERROR = 424
_SERVER_ERROR = 500

# Of httpx's errors, those that come from the request or the answer itself, not from the way between.
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError)

_STOPPED = frozenset({"stop", "eos_token", "stop_sequence", "end_turn"})


class HttpTransport(Transport):
    """Asks an endpoint by POST, over connections that are kept open and used again.

    Each connection is a client of its own that one thread has at a time: a pool of httpx that threads wait for can close
    a connection that another thread reads from. Proxies and certificates of the environment are honoured, except towards this machine itself.

    Args:
        endpoint: Where to ask; its headers go with every request.
        timeout: Seconds to wait for one answer.
        connections: Connections at a time; the endpoint's own `concurrency` by default.

    Raises:
        EndpointError: The endpoint has no HTTP URL.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float = TIMEOUT, connections: int | None = None) -> None:
        if not _HTTP.match(endpoint.url):
            message = f"the endpoint {endpoint.name!r} has no HTTP URL: {endpoint.url!r}"
            raise EndpointError(message)
        self._url = endpoint.url
        self._extra_body = endpoint.extra_body
        self._closed = False
        self._make_client = partial(
            httpx.Client,
            headers={**endpoint.headers, "Content-Type": "application/json", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
            trust_env=not is_loopback(endpoint.url),
            verify=httpx.create_ssl_context(),
        )
        # The last one put back is taken first; None stands for a client not made yet.
        self._clients: queue.LifoQueue[httpx.Client | None] = queue.LifoQueue()
        for _ in range(connections or endpoint.concurrency):
            self._clients.put(None)

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Reply:
        """Ask once; see `Transport.send`."""
        return parse_reply(self._post(make_payload(prompt, generation)))

    def log_probability(self, prompt: Prompt) -> float:
        """Ask for the log-probability of a prompt's text; see `Transport.log_probability` and `parse_log_probability`."""
        return parse_log_probability(self._post(make_scoring_payload(prompt)))

    def _post(self, payload: Mapping[str, Any]) -> Any:
        fields = {name: value for name, value in {**payload, **self._extra_body}.items() if value is not None}
        # Escaped to ASCII: a lone surrogate in a record is then the server's to refuse, not a crash here.
        body = json.dumps(fields, allow_nan=False).encode("ascii")
        client = self._clients.get()
        try:
            client = client or self._make_client()
            response = client.post(self._url, content=body)
        except httpx.TimeoutException as exc:
            message = f"{self._url} did not answer in time ({type(exc).__name__})"
            raise RequestError(message, retryable=True) from exc
        except httpx.RequestError as exc:
            message = f"{self._url} cannot be reached or broke off: {str(exc) or type(exc).__name__}"
            raise RequestError(message, retryable=not isinstance(exc, _HOPELESS)) from exc
        finally:
            self._clients.put(client)
            if self._closed:
                self._close_idle()
        if response.is_success:
            return _decode(response)
        raise _refusal(response)

    def close(self) -> None:
        """Close the connections; one that a request is using is closed when that ends."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        taken = 0
        with contextlib.suppress(queue.Empty):
            while True:
                client = self._clients.get_nowait()
                taken += 1
                if client is not None:
                    client.close()
        for _ in range(taken):
            self._clients.put(None)


def make_payload(prompt: Prompt, generation: GenerationOptions) -> dict[str, Any]:
    """Return the JSON body that asks a prompt.

    What is at its neutral value is left out, since some servers refuse it (`temperature` 0, `top_p` 1).

    >>> from llmops_sdk.values import TextPrompt
    >>> make_payload(TextPrompt("Hi", ""), GenerationOptions(max_new_tokens=8))["inputs"]
    'Hi'
    """
    if isinstance(prompt, ChatPrompt):
        chat = {
            "messages": [dict(message) for message in prompt.messages],
            "max_tokens": generation.max_new_tokens,
            # Without it, chat servers sample.
            "temperature": generation.temperature,
        }
        return {**chat, **_sampling(generation), **_stop(generation)}
    parameters: dict[str, Any] = {
        "max_new_tokens": generation.max_new_tokens,
        "do_sample": generation.temperature > 0,
        "return_full_text": False,
        "details": True,
    }
    if generation.temperature > 0:
        parameters["temperature"] = generation.temperature
    return {"inputs": prompt.text, "parameters": {**parameters, **_sampling(generation), **_stop(generation)}}


def _sampling(generation: GenerationOptions) -> dict[str, Any]:
    if generation.temperature == 0:
        return {}
    return {"seed": generation.seed, **({"top_p": generation.top_p} if generation.top_p < 1 else {})}


def _stop(generation: GenerationOptions) -> dict[str, Any]:
    return {"stop": list(generation.stop)} if generation.stop else {}


def parse_reply(body: Any) -> Reply:
    """Read an answer: a list of one or an object, with `generated_text`, `generation`, or OpenAI's `choices`.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It is none of these; not retryable. The message has what came.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    if isinstance(answer, Mapping):
        reply = _parse_choices(answer) if "choices" in answer else _parse_generated(answer)
        if reply is not None:
            return reply
    message = (
        "the endpoint's answer has no text where 'generated_text', 'generation' or 'choices' would have it: "
        + _clip(json.dumps(body, ensure_ascii=False))
    )
    raise RequestError(message, retryable=False)


def _parse_generated(answer: Mapping[str, Any]) -> Reply | None:
    text = answer.get("generated_text", answer.get("generation"))
    if isinstance(text, Mapping):  # Llama 2 chat: {"generation": {"role", "content"}}
        text = text.get("content")
    if not isinstance(text, str):
        return None
    details = answer.get("details")
    if not isinstance(details, Mapping):
        return Reply(text)
    prompt_tokens = _count(details.get("prompt_tokens"))
    if prompt_tokens is None and isinstance(details.get("prefill"), list):
        prompt_tokens = len(details["prefill"]) or None
    return Reply(text, prompt_tokens, _count(details.get("generated_tokens")), _reason(details.get("finish_reason")))


def _parse_choices(answer: Mapping[str, Any]) -> Reply | None:
    choices = answer["choices"]
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return None
    message = choice.get("message")
    text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    if not isinstance(text, str):
        return None
    usage = answer.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Reply(
        text,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        _reason(choice.get("finish_reason")),
        model if isinstance(model := answer.get("model"), str) else "",
    )


def make_scoring_payload(prompt: Prompt) -> dict[str, Any]:
    """Return the JSON body that asks for the log-probabilities of a prompt's own tokens, in TGI's form.

    One token is generated besides, since servers generate at least one.

    >>> from llmops_sdk.values import TextPrompt
    >>> make_scoring_payload(TextPrompt("A text.", ""))["parameters"]["decoder_input_details"]
    True

    Raises:
        RequestError: The prompt is a chat: it has no text whose probability could be told.
    """
    if isinstance(prompt, ChatPrompt):
        message = "the probability of a chat cannot be asked: only that of a text prompt"
        raise RequestError(message, retryable=False)
    parameters = {
        "max_new_tokens": 1,
        "do_sample": False,
        "details": True,
        "decoder_input_details": True,
        "return_full_text": False,
    }
    return {"inputs": prompt.text, "parameters": parameters}


def parse_log_probability(body: Any) -> float:
    """Read the log-probability of a prompt's text: the sum over its tokens after the first, by natural logarithm.

    It is read from `details.prefill`, one object for each token, whose `logprob` (TGI) or `log_prob` (LMI) is the
    logarithm of the token's probability after those before it. The first one has no probability (null): it is the
    tokenizer's start token, where there is one, else the text's own first token. A text of one token gives 0.

    The number is the one that FMEval 1.2.3 takes: its JumpStart extractor sums what JumpStart's metadata of a model
    name as `input_logprobs`, `[0].details.prefill[*].logprob` for those that have it, and that path leaves out nulls.
    Where the list is empty, FMEval's sum is 0; here that is refused.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It has none, or one that is no finite number; not retryable.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    details = answer.get("details") if isinstance(answer, Mapping) else None
    prefill = details.get("prefill") if isinstance(details, Mapping) else None
    if not isinstance(prefill, list) or not prefill:
        message = (
            "the endpoint's answer has no probabilities of the prompt's tokens ('details.prefill'): its server cannot "
            "tell them, or must be started so that it does (TGI 3: ENABLE_PREFILL_LOGPROBS)"
        )
        raise RequestError(message, retryable=False)
    return math.fsum(_log_probability(token, place) for place, token in enumerate(prefill[1:], start=1))


def _log_probability(token: Any, place: int) -> float:
    value: Any = token.get("logprob", token.get("log_prob")) if isinstance(token, Mapping) else None
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    shown = _clip(json.dumps(token, ensure_ascii=False))
    message = f"the endpoint's answer has no log-probability at 'details.prefill[{place}]': {shown}"
    raise RequestError(message, retryable=False)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _reason(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "stop" if value in _STOPPED else value


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine, by its name or number; nothing is resolved.

    >>> is_loopback("http://127.0.0.1:8080/x"), is_loopback("https://example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def error_message(status: int, body: Any) -> str:
    """Return in one line why a server refused, from the JSON (or text) of the shapes model servers use.

    >>> error_message(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
    'no such model'
    """
    reason = body
    if isinstance(body, Mapping):
        keys = ("OriginalMessage", "Message", "message", "error", "detail", "errorMessage")
        reason = next((body[key] for key in keys if body.get(key)), body)
        if isinstance(reason, Mapping):
            reason = reason.get("message", reason)
    text = reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)
    return _clip(text) or f"HTTP status {status}, without a reason"


def is_transient(status: int, body: Any) -> bool:
    """Tell whether the same request may succeed later, from the status and SageMaker's `OriginalStatusCode`."""
    if status == _MODEL_ERROR and isinstance(body, Mapping):
        original = body.get("OriginalStatusCode")
        return isinstance(original, int) and is_transient(original, None)
    return status in _TRANSIENT or status >= _SERVER_ERROR


def _refusal(response: httpx.Response) -> RequestError:
    status = response.status_code
    if response.is_redirect:
        message = f"{response.url} redirects to {response.headers.get('location', 'nowhere')!r}: give the final URL"
        return RequestError(message, retryable=False)
    try:
        body = response.json()
    except ValueError:
        body = response.text
    message = f"the endpoint answered {status}: {error_message(status, body)}"
    return RequestError(message, retryable=is_transient(status, body), retry_after=_retry_after(response))


def _decode(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as exc:
        kind = response.headers.get("content-type", "no content type")
        message = f"the endpoint's answer ({kind}) is no JSON: {_clip(response.text) or 'it is empty'}"
        raise RequestError(message, retryable=False) from exc


def _retry_after(response: httpx.Response) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
