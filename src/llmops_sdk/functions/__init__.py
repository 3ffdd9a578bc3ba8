"""Functions of the user's own files: what they ask for, the sources that travel with a plan, and how they are called."""
