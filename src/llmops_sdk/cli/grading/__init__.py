"""`llmops grade`: people grade answers of a run."""
