"""What is computed: a model bound to operator handlers, its populations, inputs, shapes and types."""
