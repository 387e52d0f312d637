"""Activates the shim in a program that ``ididi-scopefix run`` has started.

Any interpreter may find this on ``PYTHONPATH``. So this file is written for all
of them, 2.7 included, and changes nothing in those that are older than what the
shim supports. It may also be run by another sitecustomize, in whose namespace it
then is, and which relies on ``sys.modules["sitecustomize"]``.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))
_writes_no_bytecode = sys.dont_write_bytecode
try:
    if sys.version_info >= (3, 9):
        # Pip does not know of bytecode from interpreters of other environments.
        sys.dont_write_bytecode = True
        __import__("ididi_scopefix_lender").import_shim()
finally:
    sys.dont_write_bytecode = _writes_no_bytecode
    # The program doesn't need the folder on its own path any more.
    sys.path[:] = [entry for entry in sys.path if entry != _folder]

    # Now the sitecustomize that this one has hidden, if there is one. If it fails,
    # site reports that as it always does.
    _this = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as _error:
        if getattr(_error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        if _this is not None:
            sys.modules.setdefault("sitecustomize", _this)

    # It may have put its own folder first, as that of OpenTelemetry does, which would
    # hide this one from the interpreters that the program starts.
    _entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if _folder in _entries:
        _entries.sort(key=lambda entry: entry != _folder)
        os.environ["PYTHONPATH"] = os.pathsep.join(_entries)
