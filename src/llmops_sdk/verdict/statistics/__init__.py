"""What scores of k candidates on the same records allow to say: tests, intervals and numbers of records."""
