"""What is built and published, and what the documents say of it."""
