"""What is observed in a run: events, values, spikes and synaptic operations."""
