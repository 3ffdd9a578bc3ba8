"""Grading a run's answers by people: the blinded sheet, its page, and the grades that come back."""
