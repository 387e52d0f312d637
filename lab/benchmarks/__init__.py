"""What a call costs: see ``make bench``."""
