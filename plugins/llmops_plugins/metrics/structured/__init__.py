"""Metrics of structured answers: JSON and tool calls."""
