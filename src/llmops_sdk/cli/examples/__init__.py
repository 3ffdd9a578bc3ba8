"""The commands that list, show, copy and run the packaged examples, and what they print."""
