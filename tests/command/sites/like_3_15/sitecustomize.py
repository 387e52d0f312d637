"""Makes typing refuse ididi's calls, as that of Python 3.15 does."""

import sys
import typing


def evaluate(*arguments, **options):
    if sys._getframe(1).f_globals["__name__"].startswith("ididi."):
        raise TypeError("_eval_type() missing 1 required positional argument")
    return original(*arguments, **options)


original, typing._eval_type = typing._eval_type, evaluate
