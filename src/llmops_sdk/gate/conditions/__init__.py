"""The conditions of gates: one class for each kind, and the registry of all."""
