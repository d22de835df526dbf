"""Three-way inference in made-up languages with a few hundred training examples, about domain two of their world."""

from ds_stilts.tasks.synthetic import in_domain, synth_nli

TASK = in_domain(synth_nli.TASK, "two", "_low")
