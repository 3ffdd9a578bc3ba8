"""Names that several modules of the plugin use."""

from __future__ import annotations

CARD = "served"

HUGGINGFACE = "huggingface"
"""Weights in Hugging Face format: what trainers of this machine take and leave."""

GGUF = "gguf"
"""A file of weights for llama.cpp."""

COMMAND = "command"
"""No weights: the command names its model itself."""
