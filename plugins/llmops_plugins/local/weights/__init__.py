"""The weights of base models on this machine."""
