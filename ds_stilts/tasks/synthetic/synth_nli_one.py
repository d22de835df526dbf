"""Three-way inference in made-up languages, about domain one of their world."""

from ds_stilts.tasks.synthetic import in_domain, synth_nli

TASK = in_domain(synth_nli.TASK, "one")
