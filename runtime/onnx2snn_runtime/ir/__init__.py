"""The spiking IR: schema, data-flow analysis, verifier and text form; needs no torch."""
