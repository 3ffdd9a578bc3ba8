"""Asks an endpoint over SageMaker Runtime, with the core's payloads and in the core's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore import exceptions
from botocore.config import Config

from llmops_plugins.sagemaker.aws import Aws
from llmops_plugins.sagemaker.aws_errors import DENIED, EXPIRED, THROTTLED, UNKNOWN, error_code, translate
from llmops_sdk import (
    Endpoint,
    EndpointError,
    GenerationOptions,
    Prompt,
    Reply,
    RequestError,
    Transport,
    error_message,
    is_transient,
    make_payload,
    make_scoring_payload,
    parse_log_probability,
    parse_reply,
)

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_COMPONENT = "X-Amzn-SageMaker-Inference-Component"
_PARAMETERS = {CUSTOM_ATTRIBUTES: "CustomAttributes", INFERENCE_COMPONENT: "InferenceComponentName"}
_JSON = "application/json"
# They end the asking: every further record would fail alike, and be marked as one that cannot be answered.
_HOPELESS = EXPIRED | UNKNOWN | DENIED
_TRANSIENT_CODES = THROTTLED | {"ModelNotReadyException", "InternalDependencyException", "ServiceUnavailable"}
_PASSING = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.ResponseStreamingError)


class RuntimeTransport(Transport):
    """Asks by `InvokeEndpoint`, over as many kept connections as there are requests at a time.

    Retries are the core's: botocore's own are off, so that a latency is that of one request.

    Args:
        aws: The account and region.
        endpoint: What to ask; its headers become the request's parameters.
        read_timeout: Seconds to wait for one answer.
    """

    def __init__(self, aws: Aws, endpoint: Endpoint, *, read_timeout: float) -> None:
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=endpoint.concurrency,
            read_timeout=read_timeout,
        )
        self._client = aws.client("sagemaker-runtime", config)
        self._name = endpoint.name
        self._extra_body = endpoint.extra_body
        self._parameters = {_PARAMETERS[name]: value for name, value in endpoint.headers.items()}

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Reply:
        """Ask once; see `Transport.send`."""
        return parse_reply(self._invoke(make_payload(prompt, generation)))

    def log_probability(self, prompt: Prompt) -> float:
        """Ask for the log-probability of a prompt's text, in TGI's form; see `Transport.log_probability`."""
        return parse_log_probability(self._invoke(make_scoring_payload(prompt)))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _invoke(self, payload: Mapping[str, Any]) -> Any:
        fields = {name: value for name, value in {**payload, **self._extra_body}.items() if value is not None}
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=self._name,
                # Escaped to ASCII: a lone surrogate in a record is then the server's to refuse, not a crash here.
                Body=json.dumps(fields, allow_nan=False).encode("ascii"),
                ContentType=_JSON,
                Accept=_JSON,
                **self._parameters,
            )
            body = answer["Body"].read()
        except exceptions.ClientError as exc:
            raise self._refusal(exc) from exc
        except _PASSING as exc:
            message = f"endpoint {self._name!r} cannot be reached or broke off: {' '.join(str(exc).split())}"
            raise RequestError(message, retryable=True) from exc
        except exceptions.BotoCoreError as exc:  # credentials, region: no record can be asked
            raise translate(exc, f"endpoint {self._name!r}") from exc
        try:
            return json.loads(body)
        except ValueError as exc:
            shown = body[:300].decode(errors="replace") or "it is empty"
            message = f"the answer of endpoint {self._name!r} ({answer.get('ContentType')}) is no JSON: {shown}"
            raise RequestError(message, retryable=False) from exc

    def _refusal(self, error: exceptions.ClientError) -> Exception:
        """Return what a refusal means: for this request, or for all of them."""
        code, response = error_code(error), error.response
        if code in _HOPELESS:
            return translate(error, f"endpoint {self._name!r}")
        # The container's own status and words stand beside SageMaker's.
        body = {**response.get("Error", {}), **response}
        text = error_message(0, body)
        if code == "ValidationError" and "not found" in text.lower():
            return EndpointError(f"there is no endpoint {self._name!r} to ask: {text}")
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        retryable = code in _TRANSIENT_CODES or is_transient(status, body)
        shown = f"{code} {body['OriginalStatusCode']}" if "OriginalStatusCode" in body else f"{code} {status}"
        return RequestError(f"endpoint {self._name!r} answered {shown}: {text}", retryable=retryable)
