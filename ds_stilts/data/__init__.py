"""From official files to packed batches: prepared Arrow, the order of examples, and what each rank gets of a step."""
