"""The operations of the plain network on many samples, batch by batch."""

from collections.abc import Mapping

from onnx2snn_runtime.batches.batching import batches, count_samples
from onnx2snn_runtime.batches.positions import program_for
from onnx2snn_runtime.probing.operations import Operations, merged, summed
from onnx2snn_runtime.probing.plain import plain_operations
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


def count_plain(program: Program, inputs: Mapping[str, Tensor], batch_size: int | None) -> Operations:
    """Return the operations of one pass of `inputs` through the plain network, `batch_size` samples at a time."""
    program, parts = program_for(program, inputs), []
    for batch in batches(inputs, program, batch_size or count_samples(inputs, program)):
        placed = {port.name: to_device(batch.inputs[port.name], port, program) for port in program.inputs}
        parts.append(plain_operations(program, placed, batch.samples))
    return merged(summed(parts), program.groups)
