"""The rules that plugins keep, and what `llmops_sdk.testing.check` does to find out."""
