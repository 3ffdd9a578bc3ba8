"""Forms of the same weights: how far their answers agree, and whether they are equivalent."""
