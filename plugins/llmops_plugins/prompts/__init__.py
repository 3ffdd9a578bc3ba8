"""The prompts: alpaca, plain, chat, and the user's own templates."""
