"""One report over several runs: their candidates side by side, and what differs among the runs."""
