"""Fused scans of one population over a chunk of time, one file a dynamics; `base.available` lists what runs here."""
