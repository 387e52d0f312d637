"""Activates the shim in a program that ``ididi-scopefix run`` has started.

Any interpreter may find this on ``PYTHONPATH``. So this file is written for all
of them, 2.7 included, and changes nothing in those that are older than what the
shim supports.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))

# Interpreters of other environments must not write bytecode here: pip doesn't
# know of it and would leave it behind. For this file it is written already.
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
        __import__("ididi_scopefix_lender").import_shim()
    except Exception:
        pass
sys.dont_write_bytecode = _writes_no_bytecode

# The program doesn't need the folder on its own path any more. It stays in the
# environment, for the interpreters that this one starts.
sys.path[:] = [entry for entry in sys.path if entry != _folder]

# Now the sitecustomize that this one has hidden. If there is none, that is the
# ImportError that site expects; if it fails, site reports it as it always does.
del sys.modules["sitecustomize"]
__import__("sitecustomize")
