"""The commands of `llmops`, a module for each kind; `llmops_sdk.cli` puts them together."""
