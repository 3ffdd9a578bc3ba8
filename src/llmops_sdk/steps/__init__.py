"""Running the steps of a plan: the only callers of plugins."""
