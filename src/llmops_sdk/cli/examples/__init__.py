"""The packaged examples, and the commands that list, show, copy and run them."""
