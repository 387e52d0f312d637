"""The example services under the servers that people run."""
