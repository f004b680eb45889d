"""Step-size schedules, one file each."""
