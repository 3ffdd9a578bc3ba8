"""The names that the local plugin's modules share."""

from __future__ import annotations

EXTRA = "local"
FORMAT = "huggingface"
SMOLLM2 = "smollm2-135m-instruct"
