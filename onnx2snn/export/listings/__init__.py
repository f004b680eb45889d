"""A network as readable PyTorch code: the sources of what it uses, and a line for every node."""
