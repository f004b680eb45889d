"""Writes a network as an ONNX file, and measures such a file's accuracy with onnxruntime."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

OPSET = 17
# Where the checks of nn.MultiheadAttention and of recurrent layers are.
CHECKS = r"torch\.nn\.(functional|modules\.rnn)"


def export(
    network: nn.Module,
    example: Sequence[torch.Tensor],
    path: Path,
    inputs: Sequence[str] = ("image",),
    output: str = "logits",
    free: Sequence[str] = ("batch",),
) -> None:
    """Write `network` to `path` as ONNX, opset 17.

    `free` names the leading axes of every input that may have any length; the first of them is the output's too.
    Batch normalization stays its own operator: the converter has a pass for it, and the file should exercise it.
    """
    network.eval()
    axes = {name: dict(enumerate(free)) for name in inputs} | {output: {0: free[0]}}
    with warnings.catch_warnings():
        # The exporter that needs no onnxscript is deprecated in favour of the one that does.
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript-based ONNX export", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # Folding constants is unsafe for a network still in training, which is what PRESERVE makes it suspect.
        warnings.filterwarnings("ignore", "It is recommended that constant folding be turned off", UserWarning)
        # nn.MultiheadAttention and recurrent layers check their sizes, which are constants.
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean", torch.jit.TracerWarning, CHECKS)
        # The initial state of a recurrent layer is made from the batch size, whatever that is.
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size other than 1", UserWarning)
        # The paddings that PyTorch writes are reversed in the graph; the converter folds that.
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1 can be constant folded", UserWarning)
        torch.onnx.export(
            network,
            tuple(example),
            str(path),
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes=axes,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            dynamo=False,
        )


def predict(path: Path, inputs: dict[str, np.ndarray], threads: int = 2, batch: int = 256) -> np.ndarray:
    """Return the first output of the ONNX file at `path` for the inputs, computed by onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    samples = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, samples, batch):
        parts.append(session.run(None, {name: value[start : start + batch] for name, value in inputs.items()})[0])
    return np.concatenate(parts)


def accuracy(path: Path, image: np.ndarray, label: np.ndarray) -> float:
    """Return the share of the images whose largest logit is the label's."""
    return float((predict(path, {"image": image}).argmax(1) == label).mean())
