"""The command line, `llmops`."""
