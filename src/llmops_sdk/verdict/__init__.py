"""What the scores of candidates allow to conclude."""
