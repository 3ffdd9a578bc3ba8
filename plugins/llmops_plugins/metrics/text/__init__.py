"""Text metrics that need no model."""
