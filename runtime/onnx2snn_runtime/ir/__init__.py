"""The contract of the spiking IR: schema, flow, verifier and text form; needs no torch."""
