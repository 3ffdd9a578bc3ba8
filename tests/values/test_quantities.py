"""Ages and sizes: what people write, and how they are shown."""

from __future__ import annotations

import pytest

from llmops_sdk import SpecError
from llmops_sdk.values.quantities import format_age, format_size, parse_age, parse_size


@pytest.mark.parametrize("text", ["2", "h", "-1h", "2 weeks", "1e3s", ""])
def test_an_age_needs_a_number_and_a_unit(text: str) -> None:
    """Anything else is refused with examples of ages."""
    with pytest.raises(SpecError, match="such as '90s', '30m', '2h'"):
        parse_age(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2 h"), (129600, "1.5 d")]
)
def test_an_age_is_shown_in_its_largest_unit(seconds: float, text: str) -> None:
    """The unit is the largest of which there is at least one."""
    assert text == format_age(seconds)


@pytest.mark.parametrize("text", ["10", "GB", "-1GB", "1 pound", "1e3 MB", ""])
def test_a_size_needs_a_number_and_a_unit(text: str) -> None:
    """A bare number would be bytes to one reader and gigabytes to another."""
    with pytest.raises(SpecError, match=r"such as '500MB', '10GB' or '1\.5TiB'"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1B", 1), ("10gb", 10**10), ("0.5 MB", 500_000), ("1 MiB", 1 << 20), ("2TB", 2 * 10**12)],
)
def test_a_size_is_read_in_either_kind_of_unit(text: str, size: int) -> None:
    """Capitals and spaces do not matter."""
    assert size == parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999 bytes"), (1000, "1.0 kB"), (1_550_000, "1.6 MB"), (2 * 10**12, "2.0 TB")]
)
def test_a_size_is_shown_in_its_largest_unit(size: int, text: str) -> None:
    """The unit is the largest of which there is at least one."""
    assert text == format_size(size)
