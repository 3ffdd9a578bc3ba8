"""The lead baseline: a summary is the first sentences of the text."""
