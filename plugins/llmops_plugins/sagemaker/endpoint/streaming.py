"""Puts the parts of a streamed answer together to the JSON that would have come without streaming.

Parts are server-sent events (`data:{...}`) or JSON lines, in one of three forms: tokens, with the whole text in the last
event (TGI, LMI), texts in `outputs` (LMI without continuous batching), or OpenAI's chunks of chats and completions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.plugin import RequestError, error_message, is_transient

_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
"""How lines of server-sent events begin that have no data."""

_DONE = b"[DONE]"
_PASSING = frozenset({"overloaded", "incomplete_generation"})
"""TGI's words for what may succeed later."""

_SHOWN = 300


@attrs.define
class StreamedAnswer:
    """One answer, while its parts come in.

    Attributes:
        begun: Whether a first piece of the text has come. It never does where a container answers whole.
    """

    begun: bool = False
    _rest: bytes = b""
    _texts: list[str] = attrs.field(factory=list)
    _whole: Mapping[str, Any] | None = None
    _chunks: dict[str, Any] = attrs.field(factory=dict)
    _finish_reason: str | None = None
    _ended: bool = False

    def add(self, part: bytes) -> None:
        """Take in the next bytes. They may begin and end anywhere, in a line as in a character.

        Raises:
            RequestError: They tell of an error, or are in no form that is known.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            self._take_line(line)

    def body(self) -> Any:
        """Return the JSON after the last part, for `parse_reply`.

        Raises:
            RequestError: As of `add`; retryable where the end has not come.
        """
        self._take_line(self._rest, whole=False)
        self._rest = b""
        if self._whole is not None:
            return self._whole
        if not self._ended:
            message = "the endpoint's stream broke off before the answer's end"
            raise RequestError(message, retryable=True)
        text = "".join(self._texts)
        if not self._chunks:
            return {"generated_text": text}
        return {**self._chunks, "choices": [{"text": text, "finish_reason": self._finish_reason}]}

    def _take_line(self, line: bytes, *, whole: bool = True) -> None:
        data = line.strip().removeprefix(b"data:").strip()
        if not data or data.startswith(_OTHER_FIELDS):
            return
        if data == _DONE:
            self._ended = True
            return
        try:
            event = json.loads(data)
        except ValueError as exc:
            shown = data[:_SHOWN].decode(errors="replace")
            message = f"the endpoint's stream has a line that is no JSON: {shown}"
            raise RequestError(message, retryable=not whole) from exc
        self._take_event(event[0] if isinstance(event, list) and len(event) == 1 else event)

    def _take_event(self, event: Any) -> None:
        if not isinstance(event, Mapping):
            message = f"the endpoint's stream has an event that is no object: {json.dumps(event)[:_SHOWN]}"
            raise RequestError(message, retryable=False)
        _check(event)
        if "choices" in event:
            self._take_chunk(event)
        elif "outputs" in event:
            outputs = event["outputs"]
            self._add(*outputs if isinstance(outputs, list) else (outputs,))
            self._ended = True  # nothing marks the last one
        elif "token" in event:
            self.begun = True
            if isinstance(event.get("generated_text"), str):
                self._whole = event
        else:
            self._whole = event

    def _take_chunk(self, event: Mapping[str, Any]) -> None:
        choice = _first(event["choices"])
        if isinstance(choice.get("message"), Mapping):
            self._whole = event
            return
        delta = choice.get("delta")
        self._add(delta.get("content") if isinstance(delta, Mapping) else choice.get("text"))
        self._chunks |= {name: event[name] for name in ("model", "usage") if event.get(name)} | {"choices": []}
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._ended = self._ended or self._finish_reason is not None

    def _add(self, *texts: Any) -> None:
        found = [text for text in texts if isinstance(text, str) and text]
        self._texts += found
        self.begun = self.begun or bool(found)


def _check(event: Mapping[str, Any]) -> None:
    """Refuse an event that tells of an error: the stream had begun, so that the status could not."""
    error = event.get("error")
    told = error if isinstance(error, Mapping) else event
    if error or event.get("object") == "error":
        code = told.get("code")
        retryable = told.get("error_type") in _PASSING or (isinstance(code, int) and is_transient(code, None))
        message = f"the endpoint's stream ended in an error: {error_message(0, event)}"
        raise RequestError(message, retryable=retryable)
    details = event.get("details")
    reason = details.get("finish_reason") if isinstance(details, Mapping) else None
    if reason == "error":
        message = "the endpoint's stream ended in an error of the model, without a reason: its log has it"
        raise RequestError(message, retryable=False)


def _first(choices: Any) -> Mapping[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, Mapping) else {}
