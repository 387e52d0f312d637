"""Do the tests notice when the code is changed? ``make mutants`` finds out.

mutmut puts all changes into a module at once, which then imports more than it may at
start-up; cosmic-ray drops no statement, and knows one command and one ididi.
"""
