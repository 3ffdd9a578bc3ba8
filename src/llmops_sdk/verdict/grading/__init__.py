"""What people's grades show of a judge: whether it agrees with them, and the verdict with its errors corrected."""
