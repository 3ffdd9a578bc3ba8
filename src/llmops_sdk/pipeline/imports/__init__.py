"""Results that exist already, of other tools and of finished runs, compared as a run."""
