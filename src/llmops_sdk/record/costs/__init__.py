"""What a run was expected to cost, what it spent, and its budget."""
