"""Evaluation: accuracy and error against time steps, timing, multiply-adds, and the inspection of models."""
