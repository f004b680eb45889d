"""Many samples: split into batches that fit into memory, run with early exit or CUDA graphs, joined again."""
