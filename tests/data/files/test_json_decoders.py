from __future__ import annotations

import math

import pytest

from llmops_sdk.data.files.json_decoders import LENIENT, STRICT


def test_the_strict_decoder_refuses_what_json_has_no_place_for() -> None:
    """NaN and infinite numbers."""
    with pytest.raises(ValueError, match="NaN is not a JSON number; write null or omit the field"):
        STRICT.decode("[NaN]")


def test_the_lenient_decoder_reads_them() -> None:
    """So does it read integers of more digits than Python converts, as infinite."""
    first, second, third = LENIENT.decode(f"[NaN, -Infinity, {'9' * 5000}]")
    assert math.isnan(first)
    assert (-math.inf, math.inf) == (second, third)
