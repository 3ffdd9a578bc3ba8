"""`llmops gc`: resources that outlived their runs are found, judged and deleted."""
