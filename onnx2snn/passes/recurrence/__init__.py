"""Passes that unroll LSTM, GRU, RNN, Scan, Loop and If."""
