"""Adversarial NLI, round 2: English pairs written to fool the models of their time."""

from ds_stilts.tasks.anli import anli_round

TASK = anli_round(2, train=45460, dev=1000)
