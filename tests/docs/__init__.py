"""What the documents say is tried: their blocks, their tables, their figures."""
