"""Fingerprints of texts."""

from __future__ import annotations

from llmops_sdk.plugin import text_fingerprint


def test_texts_that_are_equal_except_for_spaces_have_one_fingerprint() -> None:
    """Short ones are their own; of long ones the ends count, too."""
    assert text_fingerprint("Why \n not?") == text_fingerprint(" Why not? ") == "Why not?"
    long = "word " * 50
    assert text_fingerprint(long) != text_fingerprint(f"{long} more")
    assert text_fingerprint(long).startswith("word word")
    assert len(text_fingerprint(long)) < 100
    assert "\ud800" in text_fingerprint("\ud800")
