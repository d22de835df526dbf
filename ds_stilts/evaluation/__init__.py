"""Scoring on the (partitioned) engine: batches in lockstep, one Parquet row per example, scores from rows only."""
