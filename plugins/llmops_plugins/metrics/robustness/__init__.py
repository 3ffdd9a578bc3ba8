"""Semantic robustness: how scores change when the question is perturbed."""
