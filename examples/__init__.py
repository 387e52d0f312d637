"""The example service, and what shows it at work."""
