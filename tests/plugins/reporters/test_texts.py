"""Records, prompts and names as texts."""

from __future__ import annotations

from llmops_plugins.reporters.texts import checkpoint_name, file_name, prompt_text, reference_text
from llmops_sdk import CellResult
from llmops_sdk.plugin import ChatPrompt, TextPrompt


def test_a_chat_is_the_json_of_its_messages() -> None:
    """A text prompt is its text."""
    assert "Say A\u00e9" == prompt_text(TextPrompt("Say A\u00e9"))
    assert '[{"role": "user", "content": "\u00e9"}]' == prompt_text(
        ChatPrompt(({"role": "user", "content": "\u00e9"},))
    )


def test_a_reference_that_is_no_text_is_json() -> None:
    """A record without one has an empty text."""
    assert ("A", '{"a": 1}', "") == tuple(
        reference_text(record) for record in ({"response": "A"}, {"response": {"a": 1}}, {})
    )


def test_a_checkpoint_has_its_seed_in_its_name() -> None:
    """A candidate that was trained once has its own name."""
    cell = CellResult("t.b.l", "tuned", "t", "b", True, 1, 1, {}, {}, None, None, {})

    assert "tuned" == checkpoint_name(cell)
    assert "a_b" == file_name("a/b")
