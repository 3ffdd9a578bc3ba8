"""Reporters: what is written or sent after every run."""
