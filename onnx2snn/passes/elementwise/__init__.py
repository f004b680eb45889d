"""Passes that decompose operators into scalar functions of one or two operands (`--neurons elementwise`)."""
