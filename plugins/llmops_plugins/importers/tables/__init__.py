"""Plain tables: which fields hold what, and their values."""
