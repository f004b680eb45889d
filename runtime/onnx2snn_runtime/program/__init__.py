"""The executable program of a model: nodes bound to operator handlers, populations, inputs, shapes and dtypes."""
