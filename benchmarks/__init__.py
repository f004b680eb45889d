"""Measurements, apart from tests: each is one command, prints what it measured and can write it as JSON."""
