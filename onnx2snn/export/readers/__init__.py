"""Readers of exported files, one file each: they run a file in the simulator that it was written for."""
