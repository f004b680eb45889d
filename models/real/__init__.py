"""Makes the large, really trained networks that measurements use, each with inputs to run and to calibrate with."""
