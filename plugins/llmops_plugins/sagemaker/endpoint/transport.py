"""Sends requests to an endpoint through SageMaker Runtime, with the core's payloads and errors."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import attrs
from botocore import exceptions
from botocore.config import Config
from botocore.eventstream import ParserError
from urllib3.exceptions import HTTPError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.streaming import StreamedAnswer
from llmops_plugins.sagemaker.errors import DENIED, EXPIRED, THROTTLED, UNKNOWN, error_code, translate
from llmops_sdk.plugin import (
    Answer,
    Endpoint,
    EndpointError,
    GenerationOptions,
    Prompt,
    RequestError,
    Transport,
    error_message,
    is_transient,
    make_payload,
    make_scoring_payload,
    parse_answer,
    parse_log_probability,
)

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_COMPONENT = "X-Amzn-SageMaker-Inference-Component"
_PARAMETERS = {CUSTOM_ATTRIBUTES: "CustomAttributes", INFERENCE_COMPONENT: "InferenceComponentName"}
_JSON = "application/json"
# These stop the step: every other record would fail too, and be recorded as failed for good.
_FATAL = EXPIRED | UNKNOWN | DENIED
_TRANSIENT_CODES = THROTTLED | {"ModelNotReadyException", "InternalDependencyException", "ServiceUnavailable"}
# botocore does not translate urllib3's errors of a stream.
_TEMPORARY = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.ResponseStreamingError, HTTPError)
_LONGEST = 600.0
"""Seconds for a whole answer: a stream that drips never exceeds the time-out of one read."""

_ENVELOPE, _BYTES_PER_TOKEN, _BYTES_PER_PROMPT_BYTE = 256 << 10, 4 << 10, 128
"""What an answer may have, by what was asked for; generous, for log-probabilities of the prompt too."""

_MOST_TOKENS = ("max_new_tokens", "max_tokens", "max_completion_tokens")
_UNKNOWN_TOKENS = 4096
"""For a payload without a limit, which the user has left out."""

_PIECE = 64 << 10
_NO_STREAMING = frozenset({404, 405, 501})
_LOG = logging.getLogger(__name__)


class RuntimeTransport(Transport):
    """Calls `InvokeEndpoint` or `InvokeEndpointWithResponseStream`, with one connection for each concurrent request.

    The core retries requests; botocore's own retries are off, so that each latency is that of one request.

    Args:
        aws: The account and region.
        endpoint: The endpoint; its headers become parameters of the request.
        read_timeout: Seconds to wait for an answer, or for its next part.
        streaming: Whether answers are read token by token.
        log: Gets one warning if the container does not stream.
        masked: Removes secrets from a message of the container.
    """

    def __init__(
        self,
        aws: Aws,
        endpoint: Endpoint,
        *,
        read_timeout: float,
        streaming: bool = False,
        log: logging.Logger = _LOG,
        masked: Callable[[str], str] = str,
    ) -> None:
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=endpoint.concurrency,
            read_timeout=read_timeout,
        )
        self._client = aws.client("sagemaker-runtime", config)
        self._name = endpoint.name
        self._extra_body = endpoint.extra_body
        self._streaming = streaming
        self._log = log
        self._masked = masked
        self._not_warned = threading.Lock()
        self._parameters = {_PARAMETERS[name]: value for name, value in endpoint.headers.items()}

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Send one request; see `Transport.send`."""
        payload = _changed(make_payload(prompt, generation), self._extra_body)
        limit = _most_bytes(payload)
        return self._stream(payload, limit) if self._streaming else parse_answer(self._invoke(payload, limit))

    def log_probability(self, prompt: Prompt) -> float:
        """Request the log-probability of a prompt's text, in TGI's form; see `Transport.log_probability`."""
        payload = _changed(make_scoring_payload(prompt), self._extra_body)
        return parse_log_probability(self._invoke(payload, _most_bytes(payload)))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _invoke(self, payload: Mapping[str, Any], limit: int) -> Any:
        with self._translated_errors():
            answer = self._client.invoke_endpoint(Accept=_JSON, **self._request(payload))
            body = self._read(answer["Body"], limit)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as exc:
            shown = body[:300].decode(errors="replace") or "an empty body"
            message = f"the answer of endpoint {self._name!r} ({answer.get('ContentType')}) is not JSON: {' '.join(shown.split())}"
            raise RequestError(message, retryable=True) from exc

    def _read(self, body: Any, limit: int) -> bytes:
        """Read an answer in pieces, up to its limits."""
        start, read = time.monotonic(), bytearray()
        while piece := body.read(_PIECE):
            read += piece
            self._check_time(start)
            if len(read) > limit:
                body.close()
                message = f"the answer of endpoint {self._name!r} is longer than {limit} bytes, which is more than was asked for"
                raise RequestError(message, retryable=False)
        return bytes(read)

    def _check_time(self, start: float) -> None:
        if time.monotonic() - start > _LONGEST:
            message = f"endpoint {self._name!r} did not answer in time ({_LONGEST:g} s for one answer)"
            raise RequestError(message, retryable=True)

    def _stream(self, payload: Mapping[str, Any], limit: int) -> Answer:
        answer, start, first = StreamedAnswer(limit), time.monotonic(), None
        with self._translated_errors():
            request = self._request({**payload, "stream": True})
            with closing(self._client.invoke_endpoint_with_response_stream(**request)["Body"]) as events:
                for event in events:
                    self._check_time(start)
                    answer.add(event["PayloadPart"]["Bytes"])
                    if first is None and answer.has_text:
                        first = round(time.monotonic() - start, 4)
        reply = parse_answer(answer.body())
        if first is None and self._not_warned.acquire(blocking=False):
            self._log.warning("endpoint %r does not stream: each answer arrives in one piece", self._name)
        return attrs.evolve(reply, time_to_first_token=first)

    def _request(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "EndpointName": self._name,
            # Escaped to ASCII: the server can then refuse a lone surrogate in a record, instead of a crash here.
            "Body": json.dumps(payload, allow_nan=False).encode("ascii"),
            "ContentType": _JSON,
            **self._parameters,
        }

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn boto3's errors into errors of this request, or of all requests."""
        try:
            yield
        except exceptions.ClientError as exc:
            raise self._refusal(exc) from exc
        except _TEMPORARY as exc:
            message = (
                f"endpoint {self._name!r} cannot be reached, or the connection was lost: {' '.join(str(exc).split())}"
            )
            raise RequestError(message, retryable=True) from exc
        except ParserError as exc:
            message = f"endpoint {self._name!r} did not answer with an event stream: leave out 'streaming' ({exc})"
            raise EndpointError(message) from exc
        except exceptions.BotoCoreError as exc:  # credentials, region: no request can succeed
            raise translate(exc, f"endpoint {self._name!r}") from exc

    def _refusal(self, error: exceptions.ClientError) -> Exception:
        """Return the error for AWS's answer: an error of this request, or of all requests."""
        code, response = error_code(error), error.response
        if code in _FATAL:
            return translate(error, f"endpoint {self._name!r}")
        # The container's own status and message are beside SageMaker's.
        body = {**response.get("Error", {}), **response}
        text = self._masked(error_message(0, body))
        if code == "ValidationError" and "not found" in text.lower():
            return EndpointError(f"there is no endpoint {self._name!r}: {text}")
        if code == "ValidationError" and "inference component name header is required" in text.lower():
            message = f"endpoint {self._name!r} has inference components: set 'inference_component' to the name of one"
            return EndpointError(message)
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        if self._streaming and status in _NO_STREAMING:
            return EndpointError(f"endpoint {self._name!r} does not support streaming: leave out 'streaming' ({text})")
        retryable = code in _TRANSIENT_CODES or is_transient(status, body)
        shown = f"{code} {body['OriginalStatusCode']}" if "OriginalStatusCode" in body else f"{code} {status}"
        if isinstance(error, exceptions.EventStreamError):  # its status was 200
            shown = f"{code} in its stream"
        return RequestError(f"endpoint {self._name!r} answered {shown}: {text}", retryable=retryable)


def _changed(payload: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload with fields added, replaced and, where the change is None, left out; inside objects too."""
    fields = dict(payload)
    for name, change in changes.items():
        field = fields.get(name)
        if change is None:
            fields.pop(name, None)
        elif isinstance(change, Mapping) and isinstance(field, Mapping):
            fields[name] = _changed(field, change)
        else:
            fields[name] = change
    return fields


def _most_bytes(payload: Mapping[str, Any]) -> int:
    """Return how many bytes an answer may have."""
    parameters = payload.get("parameters")
    places = (payload, parameters if isinstance(parameters, Mapping) else {})
    tokens = [place[name] for place in places for name in _MOST_TOKENS if isinstance(place.get(name), int)]
    return (
        _ENVELOPE
        + _BYTES_PER_TOKEN * max(tokens, default=_UNKNOWN_TOKENS)
        + _BYTES_PER_PROMPT_BYTE * len(json.dumps(payload))
    )
