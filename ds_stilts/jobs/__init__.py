"""Runs as Slurm jobs: a recipe's stages become jobs that wait for each other; what became of them; how to stop them.

A job is one of the batch scripts in `slurm/`, unchanged: resources go on sbatch's command line, values through the
environment, and the stages' own markers in the run folder say what is done. Nothing here runs inside a job.
"""
