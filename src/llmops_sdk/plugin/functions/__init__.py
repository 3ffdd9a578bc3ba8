"""Functions of the user's own files in the place of plugins: one card for each kind, for whatever function it names."""
