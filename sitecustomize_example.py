"""Activates ididi-scopefix where its start-up files are not processed.

Copy this file as ``sitecustomize.py`` to a folder on ``PYTHONPATH``. Python
imports a module of that name before it runs a program. This is for folders on
``PYTHONPATH`` and those of ``pip install --target``, in which Python processes no
``.pth`` files. A serverless platform may put the folder of a layer on the path only
after Python has started: there, import ididi_scopefix in the program.

Where ``pip install ididi-scopefix`` is enough, this is not needed. You can have both.
Python 3.18 and newer ignore import lines in ``.pth`` files: there, use this file or
import ididi_scopefix in the program.
"""

# Python imports one sitecustomize, the first on sys.path. If there is one
# already (`python -c "import sitecustomize; print(sitecustomize.__file__)"`),
# don't hide it behind this file: copy the four lines below to its end instead.
# If it is somebody else's, the operating system's for one, keep this file and
# have it run the other one, by name:
#
#     import runpy
#     runpy.run_path("/etc/python3/sitecustomize.py")

try:
    import ididi_scopefix  # importing it activates it
except Exception:
    pass  # not installed here: a start-up file must not be what breaks Python
