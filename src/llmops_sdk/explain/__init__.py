"""`llmops explain`: says why a step of a run ran or was reused."""
