"""The fix for ididi itself, which the session ``upstream`` applies and tries."""
