"""Figures: accuracy and error against time steps, comparison by population, time, multiply-adds, kinds of nodes."""
