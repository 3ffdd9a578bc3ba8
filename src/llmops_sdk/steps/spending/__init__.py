"""What a step spends while it runs, and the budget of its run: at the budget nothing new is started."""
