"""Step sizes over time, one file each."""
