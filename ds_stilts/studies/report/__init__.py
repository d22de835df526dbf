"""The report of a study: from prediction rows to tables, plots and verdicts, as a page, Markdown and JSON.

    collect ──► estimates ──► contrasts, gains, typology, integrity, costs ──► summary ──► document ──► html, markdown

Scores are recomputed from rows. What is not there yet is said in words, and the rest is reported.
"""
