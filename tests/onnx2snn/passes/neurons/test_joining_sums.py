"""A sum is the sink of a region where it joins neurons of which one feeds another."""

from tests.onnx2snn.front_end import converts, floats, network

LAYER_NORM = """a = Gemm(x, w, b) m = ReduceMean<axes = [-1]>(a) d = Sub(a, m) q = Mul(d, d)
    v = ReduceMean<axes = [-1]>(q) e = Add(v, tiny) r = Sqrt(e) i = Reciprocal(r) g = Mul(i, gamma)
    left = Mul(a, g) shift = Mul(m, g) right = Sub(beta, shift) n = Add(left, right) y = Gemm(n, u)"""
CONSTANTS = {"tiny": floats(1) ** 2, "gamma": floats(8), "beta": floats(8, seed=1)}


def test_the_layer_normalisation_of_keras_is_one_neuron() -> None:
    snn = converts(network(LAYER_NORM, **CONSTANTS))
    assert sum(snn.conversion.neurons_by_kind.values()) == 1


def test_sums_of_several_sources_stay_synapses() -> None:
    body = "a = Gemm(x, w, b) s = Sigmoid(a) o = Gemm(x, k) t = Tanh(o) d = Add(s, t) y = Gemm(d, u)"
    converts(network(body, k=floats(4, 8, seed=7)), neurons={"SpikingSigmoid": 1, "SpikingTanh": 1})


def test_a_residual_stays_a_synapse() -> None:
    body = "a = Gemm(x, w, b) h = Relu(a) d = Add(a, h) y = Gemm(d, u)"
    converts(network(body), neurons={"SpikingRelu": 1})
