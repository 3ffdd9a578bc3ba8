"""The Hugging Face hub, for several plugins. It offers no cards; every plugin may import it."""
