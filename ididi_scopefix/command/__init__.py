"""The command ``ididi-scopefix``: what a person types, and nothing of a program.

The rest of the package never imports this one, so no line of it runs in a process
that serves requests. Here anything may be imported.
"""

import os

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")
"""The folder that ``run`` puts on ``PYTHONPATH``. It holds a ``sitecustomize``."""
