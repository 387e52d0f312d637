"""Begins a program that says on standard error what it does to other things."""

import os
import sys

PROCESS = (
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.",
    "subprocess.",
)
NETWORK = ("ftplib.", "http.", "socket.", "urllib.")
FILE = (
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.",
    "tempfile.",
)


def note(event, arguments):
    kind = ""
    if event.startswith(PROCESS):
        kind = "process"
    elif event.startswith(NETWORK):
        kind = "network"
    elif event.startswith(FILE) or (
        event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        path = str(arguments[0])
        kind = "" if "__pycache__" in path or path == os.devnull else "file"
    if kind:
        os.write(2, f"{kind} ".encode())


sys.addaudithook(note)
