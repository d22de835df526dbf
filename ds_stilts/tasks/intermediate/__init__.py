"""Intermediate tasks: English training sets that come before the targets. One `TASK` a file."""
