"""Probes: record events, values and spikes of populations, and count synaptic operations."""
