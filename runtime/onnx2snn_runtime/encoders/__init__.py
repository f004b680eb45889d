"""Encoders of spiking inputs, one file each."""
