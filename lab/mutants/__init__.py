"""Do the tests notice when the code is changed?

``nox --session mutants`` changes the modules of the runtime tier by machine, one
change at a time, and runs the tests until one fails. What no test notices, is
reported as survived. coverage tells which tests reach a line, and an interpreter that
has loaded what they need forks for each change.

mutmut and cosmic-ray do this for most packages. This one is imported by every
interpreter before the tests are, its tests start interpreters and install it,
and they run on several releases of ididi. mutmut puts all changes into the
modules at once, which then import more than they may; cosmic-ray runs one command
and has no changes that drop a statement. What is left of either is its database.
"""
