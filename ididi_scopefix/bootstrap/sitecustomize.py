"""Activates the shim in a program that ``ididi-scopefix run`` has started.

The interpreter that finds this on ``PYTHONPATH`` may be any. So this file is
one that all of them can read, 2.7 included, and leaves no trace in those that
are older than what the shim supports.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))

# No bytecode is left here by interpreters of other environments: pip would not
# know of it and leave it behind. Of this file it has been written already.
_writes_no_bytecode = sys.dont_write_bytecode
sys.dont_write_bytecode = True
if not _folder.startswith(sys.prefix):
    _spec = globals().get("__spec__")
    try:
        os.remove(_spec.cached if _spec else os.path.splitext(__file__)[0] + ".pyc")
    except Exception:
        pass

if sys.version_info >= (3, 9):
    try:
        __import__("ididi_scopefix_lender").activate()
    except Exception:
        pass
sys.dont_write_bytecode = _writes_no_bytecode

# The folder has done its duty here. It stays in the environment, for the
# interpreters that this one starts.
sys.path[:] = [entry for entry in sys.path if entry != _folder]

# Now the sitecustomize that this one has hidden. If there is none, that is the
# ImportError which site expects; if it fails, site says so as it always does.
del sys.modules["sitecustomize"]
__import__("sitecustomize")
