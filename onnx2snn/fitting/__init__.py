"""Fits parameters to data: calibration of ranges, adaptation to a tolerance, search for a target."""
