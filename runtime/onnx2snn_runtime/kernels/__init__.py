"""Fused scans of one population over a chunk of time, one file a dynamics."""
