"""The users' API: build a pipeline, run it, read its result."""
