"""Plays a stream: an answer that came whole, as the events in which TGI and SageMaker would have sent it."""

from __future__ import annotations

import json
import re
from binascii import crc32
from collections.abc import Iterator, Mapping
from struct import pack
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PART = 48
"""Bytes of a part; SageMaker's begin and end anywhere."""

_STRING = 7
"""A header's type, as the encoding numbers them."""


def streamed(answer: bytes) -> bytes:
    """Return an answer of TGI's form, or OpenAI's, as the body of an `InvokeEndpointWithResponseStream`."""
    whole = json.loads(answer)
    found = whole[0] if isinstance(whole, list) else whole
    events = [json.dumps(event) for event in (_chunks(found) if "choices" in found else _tokens(found))]
    ends = ["[DONE]"] if "choices" in found else []
    data = "".join(f"data:{event}\n\n" for event in (*events, *ends)).encode()
    return b"".join(payload_part(data[start : start + _PART]) for start in range(0, len(data), _PART))


def payload_part(data: bytes) -> bytes:
    """Return a message with a part of the container's answer."""
    headers = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
    return message(headers, data)


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a message in the encoding `application/vnd.amazon.eventstream`.

    It is the lengths of the whole and of the headers, their checksum, headers, payload, and the checksum of it all.
    """
    named = b"".join(
        pack(">B", len(name)) + name.encode() + pack(">BH", _STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = pack(">II", len(named) + len(payload) + 16, len(named))
    checked = prelude + pack(">I", crc32(prelude)) + named + payload
    return checked + pack(">I", crc32(checked))


def _tokens(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    text = answer["generated_text"]
    words = _words(text)
    for place, word in enumerate(words, start=1):
        end = {"generated_text": text, "details": answer.get("details")} if place == len(words) else {}
        token = {"id": place, "text": word, "logprob": 0.0, "special": False}
        yield {"index": place, "token": token, "generated_text": None, "details": None, **end}


def _chunks(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    choice = answer["choices"][0]
    for word in _words(choice["message"]["content"]):
        yield {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield {"model": answer["model"], "choices": [end], "usage": answer["usage"]}


def _words(text: str) -> list[str]:
    """Return what stands for the tokens of a text; one at least, as of a model that ends at once."""
    return re.findall(r"\s*\S+|\s+$", text) or [""]
