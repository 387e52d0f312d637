"""Every ididi scope call works in every context.

Importing this package activates it, unless the environment variable
``IDIDI_SCOPEFIX`` says no::

    import ididi_scopefix  # anywhere before the first request

The start-up file that is installed beside the package imports it in every
interpreter on the machine, whether ididi is used there or not. So nothing is
imported here but the two modules that put a finder on ``sys.meta_path``; all
the rest waits until ididi is being imported or somebody asks for it by name.
"""

from ididi_scopefix import finder as _finder

__version__ = "0.1.0"

__all__ = [
    "Status",
    "__version__",
    "activate",
    "deactivate",
    "seed",
    "status",
]

# The name type checkers know, without importing typing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ididi_scopefix.activation import activate, deactivate, seed, status
    from ididi_scopefix.report import Status


def __getattr__(name: str) -> object:
    if name == "Status":
        from ididi_scopefix.report import Status

        return Status
    if name in ("activate", "deactivate", "seed", "status"):
        from ididi_scopefix import activation

        return getattr(activation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})


_finder.start()
