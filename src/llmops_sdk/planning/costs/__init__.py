"""What a pipeline costs: prices and where they are from, what a plan is expected to cost, and its budget."""
