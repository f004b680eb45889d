"""The operators that keep a device waiting, or whose results are on the host, each with the reason."""

SHAPED_BY_DATA = {
    "Compress": "keeps as many slices as its condition holds for",
    "NonMaxSuppression": "keeps as many boxes as overlap too little; a readout, so once a run at most",
    "NonZero": "gives a column for each element that is not 0",
    "Range": "has as many numbers as fit between its bounds; exporters give it constants and shapes: those are known",
    "SequenceAt": "gives the tensor at a position, and those of a sequence differ in shape",
    "SequenceErase": "takes the tensor at a position out, and those of a sequence differ in shape",
    "SequenceInsert": "puts a tensor at a position, and those of a sequence differ in shape",
    "SplitToSequence": "is given the sizes of its parts as a tensor",
    "Unique": "gives as many slices as are different",
}
"""Operators of which the shape of the output depends on values, and how."""

POSITIONS = ("SequenceAt", "SequenceErase", "SequenceInsert")
"""Those of them that take the values as a number of the host: the handlers do not wait."""

CONTROL = {
    "If": "takes the branch that a condition says; conversion decides it, or computes both",
    "Loop": "goes on while a condition holds; conversion unrolls it",
}
"""Operators whose work depends on values, though not the shape of what they give."""

WAITS = {name: why for name, why in (SHAPED_BY_DATA | CONTROL).items() if name not in POSITIONS}
"""Operators whose handlers wait for the device: the host has to learn a size, or a decision, before it goes on.

Others take sizes (of Reshape, Expand, Slice, Tile, Pad, Resize, TopK, ...) as numbers of the host, see `ops.Ints`: they
wait for none that is a constant or comes of shapes alone. One that is computed of data is read from the device.
"""

SOMETIMES = {
    "RoiAlign": "takes as many samples as the largest region needs, where the sampling_ratio is 0 and not a number",
}
"""Operators whose handlers wait for some attributes alone; no case of the suite has these."""

ON_HOST = {
    "OptionalHasElement": "a fact about the graph",
    "SequenceLength": "a fact about the graph",
    "Shape": "the host knows shapes",
    "Size": "the host knows shapes",
}
"""Operators that answer on the host."""
