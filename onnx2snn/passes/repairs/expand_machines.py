"""Expands the linear models and support vector machines of ai.onnx.ml, so that their weights are synapses.

y = LinearRegressor(x)   ->  y = x W + b
y = SVMRegressor(x)      ->  k = exp(-gamma (x x - 2 x V' + V V')); y = k c + rho    (RBF; V: the support vectors)
l, s = SVMClassifier(x)  ->  s = k C + rho, one column for each pair of classes; l = arg max of the pairs' votes
y = ArrayFeatureExtractor(x, constants)  ->  y = Gather(x, constants) along the last axis

Source: the definitions of ai.onnx.ml and scikit-learn's "one against one".
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.node_writer import Writer, replace_nodes

_ML = "ai.onnx.ml"
_FLOAT = onnx.TensorProto.FLOAT
_POST = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid"}


def expand_machines(work: Work) -> int:
    """Rewrite `work.model`; those with string labels, or with probabilities of pairs, are left to be refused."""
    return replace_nodes(work.model, _RULES, _fits)


def _fits(node: onnx.NodeProto) -> bool:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    post = given.get("post_transform", b"NONE").decode()
    pairs = given.get("prob_a") or (node.op_type == "SVMClassifier" and not given.get("vectors_per_class"))
    return not pairs and not given.get("classlabels_strings") and (post == "NONE" or post in _POST)


def _linear_regressor(w: Writer) -> None:
    a = w.attributes()
    weight = _matrix(a["coefficients"], int(a.get("targets", 1)))
    _finish(w, _affine(w, _input(w), weight.T, a.get("intercepts")), w.node.output[0])


def _linear_classifier(w: Writer) -> None:
    a = w.attributes()
    labels, intercepts = a["classlabels_ints"], a.get("intercepts")
    rows = len(intercepts) if intercepts else len(labels)
    scores = _affine(w, _input(w), _matrix(a["coefficients"], rows).T, intercepts)
    if rows == 1 and len(labels) == 2:
        if a.get("post_transform", b"NONE") == b"NONE":
            other = w.add("Sub", [w.constant(np.ones((), np.float32)), scores])
        else:
            other = w.add("Neg", [scores])
        scores = w.add("Concat", [other, scores], axis=1)
    _label(w, scores, labels)
    _finish(w, scores, w.node.output[1])


def _svm_regressor(w: Writer) -> None:
    a = w.attributes()
    if not a.get("n_supports"):
        y = _affine(w, _input(w), _matrix(a["coefficients"], 1).T, a["rho"])
    else:
        kernel = _kernel(w, _matrix(a["support_vectors"], int(a["n_supports"])))
        y = _affine(w, kernel, _matrix(a["coefficients"], 1).T, a["rho"])
    if a.get("one_class"):
        y = w.add("Sign", [y])
    _finish(w, y, w.node.output[0])


def _svm_classifier(w: Writer) -> None:
    a = w.attributes()
    counts, labels = a["vectors_per_class"], a["classlabels_ints"]
    kernel = _kernel(w, _matrix(a["support_vectors"], int(sum(counts))))
    pairs = list(combinations(range(len(labels)), 2))
    weight = _pair_weights(_matrix(a["coefficients"], len(labels) - 1), counts, pairs)
    scores = _affine(w, kernel, weight, a["rho"])
    votes = np.zeros((len(pairs), len(labels)), np.float32)
    start = np.zeros(len(labels), np.float32)
    for row, (i, j) in enumerate(pairs):
        votes[row, i], votes[row, j] = 1, -1
        start[j] += 1
    wins = w.add("Cast", [w.add("Greater", [scores, w.constant(np.zeros((), np.float32))])], to=_FLOAT)
    _label(w, _affine(w, wins, votes, start), labels)
    _finish(w, scores, w.node.output[1])


def _pair_weights(coefficients: np.ndarray, counts: list[int], pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return the weights [vectors, pairs]: class i against j takes row j - 1 of i's vectors and row i of j's."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    weight = np.zeros((coefficients.shape[1], len(pairs)), np.float32)
    for column, (i, j) in enumerate(pairs):
        of_i, of_j = slice(starts[i], starts[i + 1]), slice(starts[j], starts[j + 1])
        weight[of_i, column], weight[of_j, column] = coefficients[j - 1, of_i], coefficients[i, of_j]
    return weight


def _kernel(w: Writer, vectors: np.ndarray) -> str:
    """Return the kernel of the input with every vector, [N, vectors]."""
    a = w.attributes()
    kind = a.get("kernel_type", b"LINEAR").decode()
    gamma, offset, degree = np.array([*a.get("kernel_params", []), 0, 0, 0][:3], np.float32)
    x = _input(w)
    if kind == "RBF":
        square = w.add("Mul", [x, x])
        norm = w.add("MatMul", [square, w.constant(np.full((vectors.shape[1], 1), -gamma, np.float32))])
        cross = _affine(w, x, 2 * gamma * vectors.T, -gamma * (vectors * vectors).sum(1))
        return w.add("Exp", [w.add("Add", [cross, norm])])
    if kind == "LINEAR":
        return w.add("MatMul", [x, w.constant(vectors.T.copy())])
    inner = _affine(w, x, gamma * vectors.T, np.full(len(vectors), offset))
    if kind == "SIGMOID":
        return w.add("Tanh", [inner])
    return w.add("Pow", [inner, w.constant(degree)])


def _features(w: Writer) -> None:
    x, indices = w.node.input
    if indices in w.constants and x not in w.constants:  # a table of classes stays what it is
        chosen = numpy_helper.to_array(w.constants[indices]).reshape(-1).astype(np.int64)
        w.add("Gather", [x, w.constant(chosen)], w.node.output[0], axis=-1)


def _input(w: Writer) -> str:
    return w.add("Cast", [w.node.input[0]], to=_FLOAT)


def _matrix(values: list[float], rows: int) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(rows, -1)


def _affine(w: Writer, x: str, weight: np.ndarray, bias: object) -> str:
    y = w.add("MatMul", [x, w.constant(np.ascontiguousarray(weight, np.float32))])
    return y if bias is None else w.add("Add", [y, w.constant(np.asarray(bias, np.float32))])


def _label(w: Writer, scores: str, labels: list[int]) -> None:
    best = w.add("ArgMax", [scores], axis=1, keepdims=0)
    w.add("Gather", [w.constant(np.asarray(labels, np.int64)), best], w.node.output[0])


def _finish(w: Writer, y: str, output: str) -> None:
    post = w.attributes().get("post_transform", b"NONE").decode()
    w.add(_POST.get(post, "Identity"), [y], output)


_RULES: dict[tuple[str, str], Callable[[Writer], None]] = {
    (_ML, "ArrayFeatureExtractor"): _features,
    (_ML, "LinearRegressor"): _linear_regressor,
    (_ML, "LinearClassifier"): _linear_classifier,
    (_ML, "SVMRegressor"): _svm_regressor,
    (_ML, "SVMClassifier"): _svm_classifier,
}
