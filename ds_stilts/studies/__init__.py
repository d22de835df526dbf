"""Studies: one question, its arms × seeds × targets as a resumable graph of runs, and what was promised beforehand.

A study file expands into ordinary recipes, so that everything about a single run stays where it is. What is done once
and used by many runs lies in a store, by the hash of all that decides it.
"""
