"""How fast training is on this machine, beside what people would run instead: the Hugging Face Trainer.

The same model, heads, loss and examples go through every way of training; the ways are interleaved, each in a process
of its own, and a ratio is a median over rounds of what one round's slice of examples took. Nothing here trains a model
that anybody keeps.
"""
