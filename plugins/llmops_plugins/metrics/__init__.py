"""Metrics with the definitions and values of FMEval, without FMEval."""
