"""Running text in made-up languages about domain one of their world."""

from ds_stilts.tasks.synthetic import synth_text, text_of_domain

TASK = text_of_domain(synth_text.TASK, "one")
