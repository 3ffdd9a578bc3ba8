from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from llmops_plugins.local.engine.request import Completion, ScoredToken
from llmops_plugins.local.server.responses import invocation_body


def test_an_input_gets_its_text() -> None:
    """After that of the prompt, if it was asked for; details only if they were asked for, the prompt's tokens if scored."""
    plain = Completion(" b", "stop", 2, 3)
    full = Completion(" b", "length", 1, 3, prompt_text="a", prompt=(ScoredToken(7, "a", b"a", None),))
    assert [{"generated_text": " b"}, {"generated_text": "a b"}] == invocation_body([plain, full], details=False)
    details = {"finish_reason": "length", "generated_tokens": 3, "prompt_tokens": 1}
    assert [
        {"generated_text": " b", "details": {**details, "finish_reason": "stop", "prompt_tokens": 2}},
        {"generated_text": "a b", "details": {**details, "prefill": [{"id": 7, "text": "a", "logprob": None}]}},
    ] == invocation_body([plain, full], details=True)
