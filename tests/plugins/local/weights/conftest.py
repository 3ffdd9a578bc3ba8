"""The Hugging Face hub on loopback that the tests of weights use."""

from ..._weights.conftest import run_with_hub

__all__ = ["run_with_hub"]
