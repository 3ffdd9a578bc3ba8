"""What several plugins take from the Hugging Face hub. It offers no cards; every plugin may import it."""
