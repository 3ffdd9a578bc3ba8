"""`llmops new`: starting points of one's own."""
