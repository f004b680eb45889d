"""Passes that write operators as scalar functions of one or two operands (`--neurons elementwise`)."""
