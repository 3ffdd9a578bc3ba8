"""Candidates whose answers were recorded before: a file of them in place of a model."""
