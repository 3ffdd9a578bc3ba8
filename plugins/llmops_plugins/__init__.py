"""The plugins that come with llmops-sdk: one folder, one entry point, one extra."""
