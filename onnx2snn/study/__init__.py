"""Studies: models, payloads, time steps and seeds from one file, and one table of what came of them."""
