"""Passes that fold constants and normalisation, and the way into graph-surgeon and out of it."""
