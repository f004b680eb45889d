"""Optimizers of the dynamics `signgd`, which turn gradient signs into changes of the estimate; one file each."""
