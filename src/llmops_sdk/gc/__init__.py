"""`llmops gc`: finds resources that outlived their runs, decides which are still needed, and deletes the others."""
