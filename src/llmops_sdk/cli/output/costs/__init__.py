"""What a plan is expected to cost and what a run cost, as commands print it."""
