"""Passes that fold constants and batch normalisation, and that import and export the graph-surgeon graph."""
