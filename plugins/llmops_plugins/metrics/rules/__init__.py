"""Metrics that compare an answer by a rule: its text, its number, its length, its language, whether it refuses."""
