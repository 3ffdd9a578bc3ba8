"""The records, answers and scores of a run as tables."""
