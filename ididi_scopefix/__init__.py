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


class _Switch:
    """Whether the shim is on. Without a method, which would lead to this module."""

    on = True  # False after deactivate()


class _Finder:
    """Finds ``ididi.graph`` as the finders behind it do, and hooks its loader.

    Python holds the lock of all imports while it asks a finder. So this one imports
    nothing and waits for nothing; the loader may.
    """

    switch = _Switch()
    runtime: Any = None  # ididi_scopefix._activation, as soon as it is needed

    def __init__(self) -> None:
        # The threads that are asking: a finder behind may ask all finders again.
        self.asking: set[int] = set()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != "ididi.graph" or not self.switch.on:
            return None
        thread = get_ident()
        if thread in self.asking:
            return None
        try:
            self.asking.add(thread)
            finders = iter(list(sys.meta_path))
            for finder in finders:
                if finder is self:
                    break
            for finder in finders:  # those behind
                if not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        _hook(spec)
                    return spec
        finally:
            self.asking.discard(thread)
        return None

    def is_waiting(self) -> bool:
        """Tell whether Python asks this finder."""
        # Not with "in": it would ask the other finders whether they are equal.
        return any(finder is self for finder in sys.meta_path)

    def wait(self) -> None:
        """Have Python ask this finder first, unless it asks it already."""
        if not self.is_waiting():
            sys.meta_path.insert(0, self)

    def import_runtime(self) -> Any:
        """Return ``_activation``: the first one, however often all is imported anew.

        Raises:
            ImportError: the package was removed from under this process.
        """
        if self.runtime is None:
            from ididi_scopefix import _activation

            self.runtime = _activation
        return self.runtime


def _hook(spec: Any) -> None:
    """Have the loader of *spec* tell the runtime before and after it loads.

    The loader keeps its type, and what others set on it takes effect. Its own methods
    are back when the module is loaded.
    """
    real = spec.loader
    loader = _loader_for(spec.name, real)
    runtime: Any = None

    def before() -> None:
        # Before the module is in sys.modules: from then on other threads wait for it
        # in ways that Python does not always see through.
        nonlocal runtime
        try:
            runtime = _finder.import_runtime()
        except ImportError:
            return  # the package was removed from under this process
        runtime.prepare(spec)

    def after(module: Any) -> None:
        if spec.loader is loader:
            spec.loader = real
        if loader is not real and getattr(module, "__loader__", None) is loader:
            module.__loader__ = real
        if runtime is not None:
            runtime.loaded(module)

    def create_module(spec: Any) -> Any:
        before()
        return replaced["create_module"](spec)

    def exec_module(module: Any) -> None:
        if runtime is None:  # the module is reloaded
            before()
        put_back()
        replaced["exec_module"](module)
        after(module)

    def load_module(fullname: str) -> Any:
        before()
        put_back()
        module = replaced["load_module"](fullname)
        after(module)
        return module

    def put_back() -> None:
        for name, method in methods.items():
            if attributes.get(name) is method:  # or else somebody has wrapped it
                del attributes[name]

    methods = {"create_module": create_module, "exec_module": exec_module}
    if not hasattr(loader, "exec_module"):  # zipimport's, in Python 3.9
        methods = {"load_module": load_module}
    replaced = {name: getattr(loader, name) for name in methods}
    attributes: dict[str, Any] = loader.__dict__
    attributes.update(methods)
    spec.loader = loader


def _loader_for(name: str, loader: Any) -> Any:
    """Return an object that loads the module *name*, and no other, as *loader* does."""
    kind: Any = type(loader)  # pyright: ignore[reportUnknownVariableType]
    if kind is loader.__class__ and type(getattr(loader, "__dict__", None)) is dict:
        if getattr(loader, "name", None) == name:
            return loader
        try:
            # One loader serves all modules of a zip file.
            copy: Any = object.__new__(kind)
        except TypeError:
            pass  # it is written in C
        else:
            copy.__dict__.update(loader.__dict__)
            return copy

    # A class, as for frozen modules and with Nuitka, or a proxy, as wrapt's.
    class Loader:
        __class__ = property(  # pyright: ignore[reportIncompatibleMethodOverride]
            lambda self: loader.__class__
        )

        def __getattr__(self, name: str) -> Any:
            return getattr(loader, name)

    return Loader()


def _find_finder() -> _Finder:
    """Return the finder of an earlier import of this package, or else a new one."""
    finder: Any
    for finder in sys.meta_path:
        kind: Any = type(finder)  # pyright: ignore[reportUnknownVariableType]
        if kind.__module__ == __name__ and kind.__name__ == "_Finder":
            found: _Finder = finder
            return found
    return _Finder()


_finder = _find_finder()


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


if not _is_off() and _finder.switch.on:
    _finder.wait()
    if "ididi" in sys.modules:
        try:
            _finder.import_runtime()
        except ImportError:
            pass  # the package is half removed
        else:
            _finder.runtime.start()
