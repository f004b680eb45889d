"""Passes that group operators into regions and write them as neuron nodes."""
