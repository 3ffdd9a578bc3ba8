"""What a plan is expected to cost, and what a run cost and how fast its endpoints were, as commands print it."""
