"""The command ``ididi-scopefix``: what a person types, and nothing of a program.

The rest of the package never imports this one, so no line of it runs in a process
that serves requests. Here anything may be imported.
"""
