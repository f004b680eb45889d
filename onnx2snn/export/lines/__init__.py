"""A network as the lines between populations of threshold neurons: what simulators of spikes of size 1 can be told."""
