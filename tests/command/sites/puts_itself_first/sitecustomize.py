"""Puts its folder first for the children of a program, as OpenTelemetry's does."""

import os

folder = os.path.dirname(__file__)
others = os.environ["PYTHONPATH"].split(os.pathsep)
others.remove(folder)
os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])
