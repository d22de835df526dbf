"""Adversarial NLI, round 3: English pairs written to fool the models of their time."""

from ds_stilts.tasks.anli import anli_round

TASK = anli_round(3, train=100459, dev=1200)
