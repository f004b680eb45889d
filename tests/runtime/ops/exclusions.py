"""What of ONNX's backend suite is not run, and why: one row a reason. A pattern is searched in the name of a case."""

EXCLUSIONS: dict[str, str] = {
    r"(INT|UINT)[24](_|$)|_u?int[24]$": "2- and 4-bit integers: torch has no such types",
    r"FLOAT4E2M1|float4e2m1|E8M0": "4-bit floats and float8e8m0: torch has no such types",
    r"no_saturate.*E4M3FN(_expanded)?$": "float8e4m3fn without saturation: torch saturates",
    r"^(?!test_top_k).*ui(nt)?64": "uint64 arithmetic: torch has none",
    r"^test_(string|strnorm|regex|equal_string|ai_onnx_ml_label_encoder)": "strings: torch has none",
    r"^test_image_decoder": "decodes image files: no arithmetic of a network",
    r"^test_ai_onnx_ml_tree_ensemble": "decision trees: no arithmetic of a network",
    r"^test_(adagrad|adam|momentum|nesterov_momentum|gradient)": "training",
    r"^test_bernoulli": "random numbers: the values depend on the generator",
    r"^test_training_dropout(_default)?(_mask)?$": "random numbers: the values depend on the generator",
    r"^test_resize_downsample_scales_(linear|cubic)_align_corners$": "corners of a length that is no whole number: "
    "onnxruntime and PyTorch align those of the output (tests/runtime/ops/test_resize.py)",
}

EXCLUDED_TYPES = frozenset(
    {"STRING", "UINT64", "INT4", "UINT4", "INT2", "UINT2", "FLOAT4E2M1", "FLOAT8E8M0", "FLOAT8E4M3FN"}
)
"""Types for which a case may be excluded although its operators have handlers."""

EXCLUDED_OPERATORS = frozenset(
    {
        *("Bernoulli", "RandomUniformLike", "Dropout", "ImageDecoder", "TreeEnsemble"),
        *("Adagrad", "Adam", "Momentum", "Gradient"),
        "Resize",
    }
)
"""Operators for which a case may be excluded although its types are ordinary."""
