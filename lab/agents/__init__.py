"""Agents that watch a service, and a sandbox that imports everything anew."""
