"""The tables that the documents show, and what they are made from."""
