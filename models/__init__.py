"""Reference networks, for training and measuring; they are not part of the installed package.

A network is one file here: a plain PyTorch definition, and a recipe for each trained variant of it under
`@networks.register("name")`. `python -m models.train NAME` trains and exports it.
"""

from onnx2snn_runtime.registry import Registry

networks: Registry = Registry("reference network", "models")
