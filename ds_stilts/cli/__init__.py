"""The command line: one small file per verb, which parses, calls and prints. No logic lives here.

Modules import nothing heavy at their top, so that `ds-stilts --help` answers in well under a second.
"""
