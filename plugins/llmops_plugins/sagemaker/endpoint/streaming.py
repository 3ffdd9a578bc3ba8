"""Joins the parts of a streamed answer to the JSON that the container would have sent without streaming.

Parts are server-sent events (`data:{...}`) or JSON lines, in one of three forms: tokens, with the complete text in the
last event (TGI, LMI), texts in `outputs` (LMI without continuous batching), or OpenAI's chunks of chats and completions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.plugin import RequestError, error_message, is_transient

_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
"""The prefixes of those lines of server-sent events that contain no data."""

_DONE = b"[DONE]"
_TEMPORARY = frozenset({"overloaded", "incomplete_generation"})
"""TGI's names of temporary errors."""

_MAX_SHOWN = 300


@attrs.define
class StreamedAnswer:
    """An answer whose parts are arriving.

    Attributes:
        has_text: Whether a first piece of text has arrived. It stays False if the container does not stream.
    """

    has_text: bool = False
    _rest: bytes = b""
    _texts: list[str] = attrs.field(factory=list)
    _complete: Mapping[str, Any] | None = None
    _chunks: dict[str, Any] = attrs.field(factory=dict)
    _finish_reason: str | None = None
    _ended: bool = False

    def add(self, part: bytes) -> None:
        """Add the next bytes, which may start and end within a line or a character.

        Raises:
            RequestError: They report an error, or their form is unknown.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            self._take_line(line)

    def body(self) -> Any:
        """Return the JSON for `parse_answer`, after the last part.

        Raises:
            RequestError: As in `add`; retryable if the end is missing.
        """
        self._take_line(self._rest, is_complete=False)
        self._rest = b""
        if self._complete is not None:
            return self._complete
        if not self._ended:
            message = "the endpoint's stream ended before the end of the answer"
            raise RequestError(message, retryable=True)
        text = "".join(self._texts)
        if not self._chunks:
            return {"generated_text": text}
        return {**self._chunks, "choices": [{"text": text, "finish_reason": self._finish_reason}]}

    def _take_line(self, line: bytes, *, is_complete: bool = True) -> None:
        data = line.strip().removeprefix(b"data:").strip()
        if not data or data.startswith(_OTHER_FIELDS):
            return
        if data == _DONE:
            self._ended = True
            return
        try:
            event = json.loads(data)
        except ValueError as exc:
            shown = data[:_MAX_SHOWN].decode(errors="replace")
            message = f"the endpoint's stream has a line that is not JSON: {shown}"
            raise RequestError(message, retryable=not is_complete) from exc
        self._take_event(event[0] if isinstance(event, list) and len(event) == 1 else event)

    def _take_event(self, event: Any) -> None:
        if not isinstance(event, Mapping):
            message = f"the endpoint's stream has an event that is not an object: {json.dumps(event)[:_MAX_SHOWN]}"
            raise RequestError(message, retryable=False)
        _check(event)
        if "choices" in event:
            self._take_chunk(event)
        elif "outputs" in event:
            outputs = event["outputs"]
            self._add(*outputs if isinstance(outputs, list) else (outputs,))
            self._ended = True  # nothing marks the last one
        elif "token" in event:
            self.has_text = True
            if isinstance(event.get("generated_text"), str):
                self._complete = event
        else:
            self._complete = event

    def _take_chunk(self, event: Mapping[str, Any]) -> None:
        choice = _first(event["choices"])
        if isinstance(choice.get("message"), Mapping):
            self._complete = event
            return
        delta = choice.get("delta")
        self._add(delta.get("content") if isinstance(delta, Mapping) else choice.get("text"))
        self._chunks |= {name: event[name] for name in ("model", "usage") if event.get(name)} | {"choices": []}
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._ended = self._ended or self._finish_reason is not None

    def _add(self, *texts: Any) -> None:
        pieces = [text for text in texts if isinstance(text, str) and text]
        self._texts += pieces
        self.has_text = self.has_text or bool(pieces)


def _check(event: Mapping[str, Any]) -> None:
    """Refuse an event that reports an error: after the start of a stream, its status cannot."""
    error = event.get("error")
    details = error if isinstance(error, Mapping) else event
    if error or event.get("object") == "error":
        code = details.get("code")
        retryable = details.get("error_type") in _TEMPORARY or (isinstance(code, int) and is_transient(code, None))
        message = f"the endpoint's stream ended in an error: {error_message(0, event)}"
        raise RequestError(message, retryable=retryable)
    generation = event.get("details")
    reason = generation.get("finish_reason") if isinstance(generation, Mapping) else None
    if reason == "error":
        message = "the endpoint's stream ended in an error of the model, without a reason: see the log of the endpoint"
        raise RequestError(message, retryable=False)


def _first(choices: Any) -> Mapping[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, Mapping) else {}
