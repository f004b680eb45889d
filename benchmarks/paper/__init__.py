"""The paper's experiment: every kind of network under every dynamics, accuracy against time steps and events.

python -m benchmarks.paper --out docs/images
"""
