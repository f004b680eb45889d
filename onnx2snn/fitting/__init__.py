"""Choosing parameters on data: ranges of populations, adaptation to a tolerance, search for a target."""
