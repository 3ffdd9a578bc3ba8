"""Multiple choice: by the letter in the answer, and by the probability of each choice."""
