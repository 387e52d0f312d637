"""What a call, a start and a request cost: see ``make bench``."""
