"""How a run will decide: the baseline, weights of datasets, planned looks, and what its records can show."""
