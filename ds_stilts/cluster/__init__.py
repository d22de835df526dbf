"""Turns what launchers say (variables, hostfiles) into plain rank facts, and starts ranks on this machine."""
