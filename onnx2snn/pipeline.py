"""The list of passes of a conversion, in order."""

from pathlib import Path

import onnx

from onnx2snn import zoo
from onnx2snn.passes.base import Pass, Work, run_passes
from onnx2snn.passes.check_model import check_model
from onnx2snn.passes.check_weights import check_weights
from onnx2snn.passes.elementwise.decompose_instance_normalization import decompose_instance_normalization
from onnx2snn.passes.elementwise.decompose_layer_normalization import decompose_layer_normalization
from onnx2snn.passes.elementwise.decompose_lp_normalization import decompose_lp_normalization
from onnx2snn.passes.elementwise.decompose_matmul import decompose_matmul
from onnx2snn.passes.elementwise.decompose_max_pool import decompose_max_pool
from onnx2snn.passes.elementwise.decompose_maximum import decompose_maximum
from onnx2snn.passes.elementwise.decompose_reduction import decompose_reduction
from onnx2snn.passes.elementwise.decompose_softmax import decompose_softmax
from onnx2snn.passes.folding.drop_identities import drop_identities
from onnx2snn.passes.folding.export_graph import export_graph
from onnx2snn.passes.folding.fold_batch_normalization import fold_batch_normalization
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.folding.fold_pads import fold_pads
from onnx2snn.passes.folding.free_batch import free_batch
from onnx2snn.passes.folding.import_graph import import_graph
from onnx2snn.passes.neurons.relay_currents import relay_currents
from onnx2snn.passes.neurons.relay_reals import relay_reals
from onnx2snn.passes.neurons.split_shared_logic import split_shared_logic
from onnx2snn.passes.neurons.write_neurons import write_neurons
from onnx2snn.passes.recurrence.close_recurrences import close_recurrences
from onnx2snn.passes.recurrence.fix_shapes import fix_shapes
from onnx2snn.passes.recurrence.unroll_recurrence import unroll_recurrence
from onnx2snn.passes.repairs.densify_weights import densify_weights
from onnx2snn.passes.repairs.drop_string_outputs import drop_string_outputs
from onnx2snn.passes.repairs.expand_fused import expand_fused
from onnx2snn.passes.repairs.expand_machines import expand_machines
from onnx2snn.passes.repairs.expand_quantised import expand_quantised
from onnx2snn.passes.repairs.inline_functions import inline_functions
from onnx2snn.passes.repairs.narrow_double import narrow_double
from onnx2snn.passes.repairs.raise_opset import raise_opset
from onnx2snn.passes.repairs.repair_exports import repair_exports
from onnx2snn.passes.repairs.replace_cast_like import replace_cast_like
from onnx2snn.passes.repairs.sort_nodes import sort_nodes
from onnx2snn.passes.repairs.unzip_maps import unzip_maps
from onnx2snn.passes.repairs.widen_bfloat16 import widen_bfloat16
from onnx2snn.passes.repairs.write_quantisers import write_quantisers
from onnx2snn.reference.sandbox import begin, try_out
from onnx2snn_runtime.errors import Onnx2SnnError
from onnx2snn_runtime.ir.operators import is_supported
from onnx2snn_runtime.ir.reading import check_contents, check_inside
from onnx2snn_runtime.ir.verify import read_model

REPAIRS: tuple[Pass, ...] = (
    repair_exports,
    densify_weights,
    widen_bfloat16,
    drop_string_outputs,
    unzip_maps,
    expand_fused,  # before the quantised operators: some are fused with them
    expand_quantised,
    expand_machines,
    narrow_double,  # last of them: onnxruntime is asked for kernels of what is left
)
"""What comes first of all: what these make of a model is what the result is compared with."""

FRONT: tuple[Pass, ...] = (
    fix_shapes,  # before the check: what is fixed can be unrolled
    check_model,  # before anything is rewritten: names every node that cannot be converted
    inline_functions,  # before the opset is raised: the version converter drops functions
    raise_opset,
    replace_cast_like,  # before constants are folded: what is cast may be one
    check_weights,  # before they are folded, so that they are called by their own names
    fold_constants,  # before the graph is opened: exact shapes, no shape arithmetic left
    check_weights,  # once more: what constants come to may be no number either
    unroll_recurrence,  # behind the folding of constants: lengths, weights and conditions are known then
    write_quantisers,  # behind them, too: the quantised weights are folded, and those in loops are at hand
    free_batch,
    import_graph,
    drop_identities,
    fold_pads,
    fold_batch_normalization,  # before classification: what is left of it would be a synapse of its own
)
ELEMENTWISE: tuple[Pass, ...] = (
    decompose_max_pool,
    decompose_layer_normalization,
    decompose_instance_normalization,
    decompose_lp_normalization,
    decompose_softmax,
    decompose_reduction,
    decompose_matmul,
    decompose_maximum,
)
BACK: tuple[Pass, ...] = (
    split_shared_logic,  # before regions: no neuron may have to send integers, booleans or two values
    write_neurons,
    export_graph,  # nothing that optimises comes after this
    close_recurrences,
    relay_currents,  # on what is left: the body of a recurrence stays as it is
    relay_reals,
)


def pipeline(neurons: str) -> tuple[Pass, ...]:
    """Return the passes of a conversion, in order."""
    return (*FRONT, *(ELEMENTWISE if neurons == "elementwise" else ()), *BACK)


def prepare(
    model: str | Path | onnx.ModelProto, neurons: str = "region", encoder: str = "direct", recurrence: str = "auto"
) -> Work:
    """Return the work that the passes start from: a copy of the model, through `REPAIRS`.

    What is no valid ONNX, and not repaired either, raises ModelError; so does what kills ONNX or onnxruntime.
    """
    begin()
    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        check_inside(copy)
        check_contents(copy, "the model")
        work = Work(copy, "the model", is_supported, neurons, encoder, recurrence)
    elif zoo.is_name(model):
        work = Work(zoo.load(model).proto, repr(str(model)), is_supported, neurons, encoder, recurrence)
    else:
        work = Work(read_model(model), repr(str(model)), is_supported, neurons, encoder, recurrence)
    sort_nodes(work)  # before the checker, which wants them sorted
    tried = try_out(work.model, work.where)
    try:
        run_passes(REPAIRS, work)
    except Onnx2SnnError:
        tried.require_valid(work.where)
        raise
    if tried.invalid:
        try_out(work.model, work.where).require_valid(work.where)
    return work
