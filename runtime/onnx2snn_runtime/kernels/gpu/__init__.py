"""Kernels for GPUs in Triton; imported only to launch them, as triton may not be installed.

`scan` is the one kernel: the loop over time steps, loads and stores, and the count of spikes. The other modules hold
the arithmetic of a dynamics, the function `step` that `scan` calls.
"""
