"""The values that cross steps: frozen, JSON-safe, artifacts by path or URI."""
