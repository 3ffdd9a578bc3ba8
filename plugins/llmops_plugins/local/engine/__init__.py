"""Generation on this machine."""
