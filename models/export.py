"""Writes a network as an ONNX file, and measures such a file's accuracy with onnxruntime."""

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn


def export(network: nn.Module, example: torch.Tensor, path: Path, opset: int = 17) -> None:
    """Write `network` to `path` with the input "image", the output "logits" and a free batch axis "batch".

    Batch normalization stays its own operator: the converter has a pass for it, and the file should exercise it.
    """
    network.eval()
    axes = {"image": {0: "batch"}, "logits": {0: "batch"}}
    with warnings.catch_warnings():
        # The exporter that needs no onnxscript is deprecated in favour of the one that does.
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript-based ONNX export", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # Folding constants is unsafe for a network still in training, which is what PRESERVE makes it suspect.
        warnings.filterwarnings("ignore", "It is recommended that constant folding be turned off", UserWarning)
        torch.onnx.export(
            network,
            (example,),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=opset,
            training=torch.onnx.TrainingMode.PRESERVE,
            dynamo=False,
        )


def logits(path: Path, image: np.ndarray, threads: int = 2) -> np.ndarray:
    """Return what the ONNX file at `path` says of the images, computed by onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [session.run(["logits"], {"image": image[i : i + 256]})[0] for i in range(0, len(image), 256)]
    return np.concatenate(parts)


def accuracy(path: Path, image: np.ndarray, label: np.ndarray) -> float:
    """Return the share of the images whose largest logit is the label's."""
    return float((logits(path, image).argmax(1) == label).mean())
