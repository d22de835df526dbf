"""Adversarial NLI, round 1: English pairs written to fool the models of their time."""

from ds_stilts.tasks.anli import anli_round

TASK = anli_round(1, train=16946, dev=1000)
