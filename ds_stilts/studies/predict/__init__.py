"""Which arms should help which targets, predicted from the start model before any of them is run.

    candidates ──► tasks (vectors of each) ──► prediction ◄── truth (scores of a study that was run) ──► text

Nothing is learned and nothing is written but what every run shares: prepared files, and made-up languages.
"""
