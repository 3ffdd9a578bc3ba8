"""Forms of the same weights: whether they are equivalent, in numbers and in words."""
