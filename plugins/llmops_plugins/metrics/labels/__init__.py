"""Classification: the label in an answer, and what the answers to all records say together."""
