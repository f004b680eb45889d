"""Neuron dynamics: what a spike can say, one file each."""
