"""Robustness: what perturbed inputs do to scores."""
