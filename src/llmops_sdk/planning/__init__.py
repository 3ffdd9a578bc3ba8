"""From a specification to a plan, and what is checked before a run."""
