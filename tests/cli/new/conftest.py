"""The fixtures that generated tests ask for: installed, they are known without this."""

from llmops_sdk.testing.pytest_plugin import llmops_context, llmops_home, llmops_run

__all__ = ["llmops_context", "llmops_home", "llmops_run"]
