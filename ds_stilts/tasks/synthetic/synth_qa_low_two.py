"""Extractive questions with a few hundred training questions in made-up languages, about domain two of their world."""

from ds_stilts.tasks.synthetic import in_domain, synth_qa_low

TASK = in_domain(synth_qa_low.TASK, "two")
