"""Activates ididi-scopefix where its start-up files are not processed.

Copy this file as ``sitecustomize.py`` to a folder on ``PYTHONPATH``. Python
imports a module of that name before it runs a program. That is the way for
places where ``.pth`` files are only files: folders on ``PYTHONPATH``, those of
``pip install --target``, serverless layers, containers put together by hand.

Where ``pip install ididi-scopefix`` is enough this is not needed, and does no
harm: it is activated once.
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
