"""Activates the shim in a program that ``ididi-scopefix run`` has started.

Any interpreter may find this on ``PYTHONPATH``. So this file is written for all
of them, 2.7 included, and changes nothing in those that are older than what the
shim supports.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))

# Interpreters of other environments must not write bytecode here: pip doesn't
# know of it and would leave it behind. For this file it is written already. Who
# installs compiles the whole folder, and no program compiles the lender. So if
# the lender has no bytecode, a program has written that of this file.
_writes_no_bytecode = sys.dont_write_bytecode
sys.dont_write_bytecode = True
_spec = globals().get("__spec__")
try:
    _bytecode = _spec.cached if _spec else os.path.splitext(__file__)[0] + ".pyc"
    _cache, _name = os.path.split(_bytecode)
    _name = _name.replace("sitecustomize", "ididi_scopefix_lender")
    if not os.path.exists(os.path.join(_cache, _name)):
        os.remove(_bytecode)
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
