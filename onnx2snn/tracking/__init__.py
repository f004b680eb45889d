"""Writes the figures of an evaluation for TensorBoard and Weights & Biases, through their own libraries."""
