"""Runs of many samples: split into batches that fit in memory, run with early exit or CUDA graphs, concatenated."""
