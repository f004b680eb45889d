"""Fused kernels that scan one population over a chunk of time steps; `base.available` lists those that run here.

A kernel is three small files: NAME.py (which dynamics, and the plan of its parameters), NAME.c and gpu/NAME.py (one
step of one neuron, in C and in Triton). scan.c and gpu/scan.py hold what all kernels share.
"""
