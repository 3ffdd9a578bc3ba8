"""METEOR with NLTK's values."""
