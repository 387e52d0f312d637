"""A service with the bug, and a demonstration of it with the shim and without."""
