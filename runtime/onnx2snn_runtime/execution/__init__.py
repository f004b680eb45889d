"""One batch over time: the executors, and how an operator is computed for many time steps at once."""
