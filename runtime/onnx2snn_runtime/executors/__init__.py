"""Ways to execute a program over time, one file each."""
