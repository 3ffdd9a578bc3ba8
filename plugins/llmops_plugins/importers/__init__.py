"""Readers of result files that other tools leave, for `llmops compare`."""
