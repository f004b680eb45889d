"""The Triton source of the kernels; imported by what launches them, and only where triton is installed."""
