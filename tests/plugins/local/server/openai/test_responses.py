from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

from llmops_plugins.local.engine.request import Completion, Piece, ScoredToken
from llmops_plugins.local.server.openai.responses import ChatForm, TextForm, usage

TOWN = ScoredToken(
    5, " town", b" town", -0.5, (ScoredToken(5, " town", b" town", -0.5), ScoredToken(6, " city", b" city", -1.5))
)
END = ScoredToken(0, "<end>", None, -0.25, (ScoredToken(0, "<end>", None, -0.25),))
PROMPT = ScoredToken(4, "a", b"a", None)


def test_a_chat_completion_has_openais_form() -> None:
    """Message, reason and usage; without log-probabilities where none were asked for."""
    body = ChatForm("m", scored=False).body([Completion(" town", "stop", 3, 2)])
    choice = {
        "index": 0, "message": {"role": "assistant", "content": " town"}, "logprobs": None, "finish_reason": "stop",
    }  # fmt: skip
    assert ("chat.completion", "m", [choice]) == (body["object"], body["model"], body["choices"])
    assert {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5} == body["usage"]
    assert body["id"].startswith("chatcmpl-")


def test_the_tokens_of_a_chat_have_their_bytes_and_alternatives() -> None:
    """A special token has no bytes."""
    body = ChatForm("m", scored=True).body([Completion(" town", "stop", 3, 2, tokens=(TOWN, END))])
    town = {"token": " town", "logprob": -0.5, "bytes": list(b" town")}
    city = {"token": " city", "logprob": -1.5, "bytes": list(b" city")}
    end = {"token": "<end>", "logprob": -0.25, "bytes": None}
    expected = [{**town, "top_logprobs": [town, city]}, {**end, "top_logprobs": [end]}]
    assert expected == body["choices"][0]["logprobs"]["content"]


def test_an_echoed_prompt_is_part_of_a_text_completion() -> None:
    """Its first token has no probability; the token itself is among the likeliest even where it is not."""
    rare = ScoredToken(9, "x", b"x", -7.0, (ScoredToken(5, " town", b" town", -0.5),))
    completion = Completion(" town", "stop", 2, 2, prompt_text="ax", prompt=(PROMPT, rare), tokens=(TOWN, END))
    choice = TextForm("m", scored=True).body([completion])["choices"][0]
    assert ("ax town", "stop") == (choice["text"], choice["finish_reason"])
    assert {
        "tokens": ["a", "x", " town", "<end>"],
        "token_logprobs": [None, -7.0, -0.5, -0.25],
        "top_logprobs": [None, {" town": -0.5, "x": -7.0}, {" town": -0.5, " city": -1.5}, {"<end>": -0.25}],
        "text_offset": [0, 1, 2, 7],
    } == choice["logprobs"]


def test_parts_of_characters_have_names_of_their_own() -> None:
    """By their bytes, as OpenAI writes them; of two tokens with one text, the likelier counts."""
    parts = tuple(ScoredToken(byte, "\N{REPLACEMENT CHARACTER}", bytes([byte]), -1.0 * byte) for byte in (0xE2, 0xE3))
    same = (ScoredToken(1, "b", b"b", -1.0), ScoredToken(2, "b", b"b", -2.0))
    token = ScoredToken(3, "c", b"c", -9.0, (*same, *parts))
    choice = TextForm("m", scored=True).body([Completion("c", "stop", 1, 1, tokens=(token,))])["choices"][0]
    assert [{"b": -1.0, "bytes:\\xe2": -226.0, "bytes:\\xe3": -227.0, "c": -9.0}] == choice["logprobs"]["top_logprobs"]


def test_the_chunks_of_a_response_belong_together() -> None:
    """They have one id; the first has the role, the last one the reason, and the token counts have no choice."""
    form = ChatForm("m", scored=False)
    first, piece, last = form.first_chunk(0), form.chunk(0, Piece("hi")), form.last_chunk(0, "length")
    counts = form.usage_chunk([Completion("hi", "length", 3, 1)])
    chunks: Any = [first, piece, last, counts]
    assert 1 == len({chunk["id"] for chunk in chunks})
    assert {"chat.completion.chunk"} == {chunk["object"] for chunk in chunks}
    assert [{"role": "assistant", "content": ""}, {"content": "hi"}, {}] == [
        chunk["choices"][0]["delta"] for chunk in chunks[:3]
    ]
    assert [None, None, "length"] == [chunk["choices"][0]["finish_reason"] for chunk in chunks[:3]]
    assert ([], 4) == (counts["choices"], counts["usage"]["total_tokens"])


def test_the_offsets_of_streamed_tokens_add_up() -> None:
    """From piece to piece, for each prompt on its own."""
    form = TextForm("m", scored=True)
    starts = [form.chunk(index, Piece("", (TOWN,)))["choices"][0]["logprobs"]["text_offset"] for index in (0, 1, 0)]
    assert [[0], [0], [5]] == starts
    assert form.first_chunk(0) is None


def test_token_counts_are_those_of_all_completions() -> None:
    """A body may have several prompts."""
    counts = usage([Completion("", "stop", 3, 1), Completion("", "stop", 4, 2)])
    assert {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10} == counts
