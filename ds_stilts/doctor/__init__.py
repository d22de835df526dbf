"""Is this machine, or this group of machines, able to carry a run, and what is missing.

One file for each kind of check; each check looks, changes nothing that stays, and returns a `Finding`.
"""
