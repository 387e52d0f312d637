"""``python -m ididi_scopefix``: the command, for the interpreter of one's choice."""

import sys

from ididi_scopefix.command.cli import main

sys.exit(main())
