"""Weights of base models in Hugging Face format, for several plugins. It offers no cards; every plugin may import it."""
