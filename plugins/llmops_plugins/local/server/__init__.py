"""The model server on loopback."""
