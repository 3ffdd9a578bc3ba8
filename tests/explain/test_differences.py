"""What differs between two values, in short."""

from __future__ import annotations

from llmops_sdk.explain.differences import compare_hashes, compare_mappings, compare_values, short


def test_only_what_differs_is_named() -> None:
    """Nested options by their path; one that is new or gone is compared with none."""
    before = {"epochs": 1, "lora": {"rank": 8, "alpha": 16}, "old": True}
    after = {"epochs": 1, "lora": {"rank": 16, "alpha": 16}, "new": "x"}

    assert "lora.rank 8 → 16, old true → none, new none → 'x'" == compare_mappings(before, after)
    assert "" == compare_mappings(before, dict(before))


def test_many_differences_are_counted() -> None:
    """Four are named."""
    after = {str(number): number for number in range(9)}

    assert compare_mappings({}, after).endswith("3 none → 3, and 5 more")


def test_long_texts_are_shown_where_they_start_to_differ() -> None:
    """A template of a page is not printed twice."""
    text = "Answer the question in one sentence.\n\n" * 20
    old, new = f"{text}Question: {{q}}", f"{text}Frage: {{q}}"

    change = compare_values(old, new)

    assert "Question: " in change.partition(" → ")[0]
    assert "Frage: " in change.partition(" → ")[2]
    assert 140 > len(change)
    assert "'a' → 'ab'" == compare_values("a", "ab")


def test_values_are_short() -> None:
    """Hashes have eight characters, lists one line."""
    assert "00000000 → 11111111" == compare_hashes("0" * 64, "1" * 64)
    assert 42 > len(short(list(range(100))))
    assert "none" == short(None)
