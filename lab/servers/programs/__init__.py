"""Programs that open scopes where there is no server.

Each ends with an exception if something is wrong, and is run as a child
process: with the shim, and without it as control.
"""
