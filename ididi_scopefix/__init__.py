"""Every ididi scope call works in every context.

Importing this package activates it, unless the environment variable
``IDIDI_SCOPEFIX`` is ``0``, ``false``, ``off`` or ``no``::

    import ididi_scopefix  # anywhere before the first request
"""

# The start-up line imports this file in every interpreter of the environment, and
# most of them never import ididi. So it imports nothing that Python has not loaded,
# is short, since it may be compiled at each start, and prints and raises nothing.

import sys
from _thread import get_ident
from os import environ

__version__ = "0.1.0"

__all__ = [
    "Caller",
    "State",
    "Status",
    "__version__",
    "activate",
    "deactivate",
    "seed",
    "status",
]

# Type checkers know this name; typing is not loaded yet.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ididi_scopefix._api import (
        Caller,
        State,
        Status,
        activate,
        deactivate,
        seed,
        status,
    )
else:
    Any = object  # so that annotations can be evaluated

_SWITCH = "IDIDI_SCOPEFIX"


def _around(loader: Any) -> Any:
    """Return a loader that loads as *loader* does, by way of ``_activation.load``."""

    # Not made at start-up: most interpreters never import ididi.
    class Loader:
        __slots__ = ()  # without a __dict__, vars() gives the real one's
        _loader = loader
        __reduce_ex__, __repr__ = loader.__reduce_ex__, loader.__repr__
        __eq__, __hash__ = loader.__eq__, loader.__hash__

        @property  # type: ignore[misc]
        def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            # isinstance() answers as for the real loader: tools ask for its type.
            return loader.__class__

        def __getattr__(self, name: str) -> Any:
            method = getattr(loader, name)
            # Not methods of this class: zipimport's loader in Python 3.9 has no
            # exec_module, and Python asks whether there is one.
            if name not in ("exec_module", "load_module"):
                return method

            def load(module: Any) -> Any:
                try:
                    _finder.waiting = False
                    from ididi_scopefix._activation import load as run
                except Exception:  # the package was removed under a running process
                    return method(module)
                return run(self, method, module)

            return load

    return Loader()


# The searches under way: a finder behind this one may ask all finders again.
_asking: "set[tuple[int, str]]" = set()


class _Finder:
    """Finds ididi as the finders behind it do, and puts a loader around theirs.

    It imports nothing: Python calls finders with the lock of all imports held,
    and an import here could wait for a thread that waits for that lock.
    """

    waiting = True  # until ididi is loaded through this finder

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        try:
            # A library's import hook may load ididi past this finder. Then it puts
            # itself in front as well, and the next import, found or not, gets a
            # loader that patches ididi first.
            past = self.waiting and "ididi" in sys.modules
            if past or fullname in ("ididi", "ididi.graph"):
                return self._find(fullname, path, target, past)
        except Exception:
            pass  # Python asks the finders behind, and reports what they raise
        return None

    def _find(self, fullname: str, path: Any, target: Any, past: bool) -> Any:
        asked = get_ident(), fullname
        if asked in _asking:
            return None
        _asking.add(asked)
        try:
            if past and sys.meta_path[0] is not self:
                sys.meta_path.insert(0, self)
            behind = False
            for finder in list(sys.meta_path):
                find = behind and getattr(finder, "find_spec", None)
                spec = find and find(fullname, path, target)
                if spec:
                    if spec.loader:
                        spec.loader = _around(spec.loader)
                    return spec
                behind = behind or finder is self
        finally:
            _asking.discard(asked)
        if past and sys._getframe(3).f_code.co_name == "_find_and_load_unlocked":
            # An import, and not somebody who asks whether there is such a module.
            class Missing:
                def create_module(self, spec: Any) -> None:
                    """Let Python make the module."""

                def exec_module(self, module: Any) -> None:
                    missing = f"No module named {fullname!r}"
                    raise ModuleNotFoundError(missing, name=fullname)

            return type(sys.__spec__)(fullname, _around(Missing()))
        return None


_finder = _Finder()


def _is_off() -> bool:
    """Tell whether the environment switches the shim off."""
    switch = environ.get(_SWITCH, "").strip().lower()
    return switch in ("0", "false", "off", "no")


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ididi_scopefix import _api

        return getattr(_api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return __all__


if not _is_off():
    sys.meta_path.insert(0, _finder)
    if "ididi" in sys.modules:
        try:
            from ididi_scopefix import _api

            _api.activate()
        except Exception:
            pass  # the package is half removed
