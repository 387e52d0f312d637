"""What takes servers, many releases, or hours: see README.md."""
