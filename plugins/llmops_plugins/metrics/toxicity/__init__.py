"""Toxicity classifiers."""
