"""Values of result files."""

from __future__ import annotations

from llmops_plugins.importers.values import shown, text_of


def test_texts_of_conversations_and_objects() -> None:
    """A conversation is its turns."""
    assert "user: Hi\n\nassistant: Ho" == text_of(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    )
    assert '["a"]' == text_of(["a"])
    assert "..." == shown("x" * 1000)[-3:]
