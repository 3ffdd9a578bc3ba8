"""The client: asks an endpoint many records at once."""
