"""What streams cost and keep to, beside the dense network frame by frame: `python -m benchmarks.streams`."""
