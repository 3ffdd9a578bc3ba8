"""Weights, dictionaries and other files that a machine needs once."""
