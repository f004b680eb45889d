"""Templates of operators without weights: how each finds its operands in a growing graph."""

from collections.abc import Callable

import numpy as np

from tests.fuzz.growing import Growing, Value

Template = Callable[[Growing], object]
TEMPLATES: dict[str, Template] = {}

DISCONTINUOUS = frozenset(
    "Sign Floor Ceil Round Hardmax ArgMax ArgMin Greater Less GreaterOrEqual LessOrEqual Equal Mod QuantizeLinear "
    "DynamicQuantizeLinear ThresholdedRelu Shrink TopK Binarizer NonZero MaxRoiPool RoiAlign Unique".split()
)
"""A difference in the last bit may be one of a whole step behind these."""

_PLAIN = (
    "Abs Atan Ceil Cos Cosh Elu Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Mish Neg Relu Round Selu "
    "Sigmoid Sign Sin Softplus Softsign Tanh ThresholdedRelu Celu Gelu Asinh Sinh Shrink IsNaN IsInf Swish"
).split()
_GUARDS = {
    "Sqrt": "positive", "Log": "positive", "Reciprocal": "positive", "Acosh": "above", "Acos": "unit", "Asin": "unit",
    "Atanh": "unit", "Tan": "unit",
}  # fmt: skip


def template(name: str) -> Callable[[Template], Template]:
    """Enter a template by the name of its operator."""

    def enter(function: Template) -> Template:
        TEMPLATES[name] = function
        return function

    return enter


def guarded(g: Growing, x: Value, guard: str) -> Value:
    """Return a value where the function of `x` is well away from its poles."""
    unit = g.add("Tanh", [x])[0]
    if guard == "unit":
        return g.add("Mul", [unit, g.constant(0.8)])[0]
    return g.add("Add", [unit, g.constant(1.5 if guard == "positive" else 2.5)])[0]


def _unary(name: str) -> Template:
    def add(g: Growing) -> object:
        x = g.pick()
        if name in _GUARDS:
            x = guarded(g, x, _GUARDS[name])
        if name in ("Exp", "Cosh", "Sinh"):
            x = g.add("Tanh", [x])[0]
        return g.add(name, [x])

    return add


TEMPLATES.update({name: _unary(name) for name in (*_PLAIN, *_GUARDS)})


def operand(g: Growing, x: Value) -> Value | str:
    """Return what goes with `x`: a value of its shape, or a constant that broadcasts to it."""
    if g.chance(0.5):
        return g.like(x)
    sizes = [size if g.chance(0.6) else 1 for size in x.sizes]
    return g.weight(1, *sizes) if g.chance(0.8) else g.constant(float(g.draw.normal()))


def _binary(name: str) -> Template:
    def add(g: Growing) -> object:
        x = g.pick()
        if name == "Div":
            return g.add(name, [x, guarded(g, g.like(x), "positive")])
        if name == "Pow":
            return g.add(name, [guarded(g, x, "positive"), g.constant(g.choose(0.5, 2.0, 3.0, -1.0))])
        if name == "Mod":
            return g.add(name, [x, guarded(g, g.like(x), "positive")], fmod=1)
        others = [operand(g, x) for _ in range(1 if name in ("Add", "Sub", "Mul") else int(g.draw.integers(1, 3)))]
        return g.add(name, [x, *others])

    return add


TEMPLATES.update({name: _binary(name) for name in "Add Sub Mul Div Pow Mod Max Min Mean Sum".split()})


def _compare(name: str) -> Template:
    def add(g: Growing) -> object:
        x = g.pick()
        truth = g.add(name, [x, operand(g, x)])[0]
        return g.add("Where", [truth, x, operand(g, x)])

    return add


TEMPLATES.update({name: _compare(name) for name in "Greater Less GreaterOrEqual LessOrEqual Equal".split()})


def _logic(name: str) -> Template:
    def add(g: Growing) -> object:
        a = g.pick(kind="b")
        truth = g.add(name, [a] if name == "Not" else [a, g.like(a)])[0]
        return g.add("Cast", [truth], to=g.type)

    return add


TEMPLATES.update({name: _logic(name) for name in "And Or Xor Not".split()})


@template("PRelu")
def _prelu(g: Growing) -> object:
    x = g.pick(2)
    return g.add("PRelu", [x, g.weight(1, *[n if g.chance(0.5) else 1 for n in x.sizes])])


@template("Clip")
def _clip(g: Growing) -> object:
    x = g.pick()
    if g.opset < 11:
        return g.add("Clip", [x], min=-0.5, max=1.0)
    return g.add("Clip", [x, *g.choose((g.constant(-0.5), g.constant(1.0)), ("", g.constant(0.7)), (g.constant(0.0),))])


def _axis(g: Growing, x: Value) -> int:
    axis = int(g.draw.integers(1, len(x.shape)))
    return axis if g.opset < 11 or g.chance(0.5) else axis - len(x.shape)


def _softmax(name: str) -> Template:
    return lambda g: (lambda x: g.add(name, [x], axis=_axis(g, x)))(g.pick(2))


TEMPLATES.update({name: _softmax(name) for name in "Softmax LogSoftmax Hardmax".split()})


def _reduce(name: str) -> Template:
    def add(g: Growing) -> object:
        x = g.pick(2)
        if name in ("ReduceLogSum",):
            x = guarded(g, x, "positive")
        axes = sorted({_axis(g, x) % len(x.shape) for _ in range(2)})
        keep = {"keepdims": g.choose(0, 1)}
        if g.opset < (13 if name == "ReduceSum" else 18):
            return g.add(name, [x], axes=axes, **keep)
        return g.add(name, [x, g.integers(*axes)], **keep)

    return add


_REDUCTIONS = "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split()
TEMPLATES.update({f"Reduce{name}": _reduce(f"Reduce{name}") for name in _REDUCTIONS})


def _arg(name: str) -> Template:
    def add(g: Growing) -> object:
        x = g.pick(2)
        return g.add("Cast", g.add(name, [x], axis=_axis(g, x) % len(x.shape), keepdims=g.choose(0, 1)), to=g.type)

    return add


TEMPLATES.update({name: _arg(name) for name in ("ArgMax", "ArgMin")})


@template("TopK")
def _top_k(g: Growing) -> object:
    x = g.pick(2)
    axis = len(x.shape) - 1
    k = int(g.draw.integers(1, x.sizes[-1] + 1))
    return g.add("TopK", [x], 2, axis=axis, k=k) if g.opset < 10 else g.add("TopK", [x, g.integers(k)], 2, axis=axis)


@template("CumSum")
def _cumsum(g: Growing) -> object:
    x = g.pick(2)
    return g.add("CumSum", [x, g.constant(_axis(g, x), np.int64)], exclusive=g.choose(0, 1), reverse=g.choose(0, 1))


@template("Einsum")
def _einsum(g: Growing) -> object:
    x = g.pick(3, 3)
    if g.chance(0.5):
        return g.add("Einsum", [x, g.weight(x.sizes[1], 3)], equation="nij,jk->nik")
    return g.add("Einsum", [x, g.like(x)], equation=g.choose("nij,nkj->nik", "nij,nij->nj"))


@template("Cast")
def _cast(g: Growing) -> object:
    wide = g.choose(*(kind for kind in (1, 10, 11) if kind != g.type))
    return g.add("Cast", g.add("Cast", [g.pick()], to=wide), to=g.type)


@template("IsFinite")
def _mask(g: Growing) -> object:
    x = g.pick()
    return g.add("Where", [g.add("IsNaN", [x])[0], g.constant(0.0), x])


@template("Gather of ids")
def _lookup(g: Growing) -> object:
    ids = g.pick(1, 3, kind="i")
    return g.add("Gather", [g.weight(5, int(g.draw.integers(1, 6))), ids])


@template("OneHot")
def _one_hot(g: Growing) -> object:
    ids = g.pick(1, 3, kind="i")
    return g.add("OneHot", [ids, g.constant(5, np.int64), g.constant([0.0, 1.0])])


@template("CastLike")
def _cast_like(g: Growing) -> object:
    x = g.pick(kind=g.choose("i", "b", "f"))
    return g.add("CastLike", [x, g.pick()])


@template("Range")
def _positions(g: Growing) -> object:
    x = g.pick(2)
    last = g.hidden("Gather", [g.hidden("Shape", [x])[0], g.constant(len(x.shape) - 1, np.int64)])[0]
    steps = g.hidden("Range", [g.constant(0, np.int64), last, g.constant(1, np.int64)])[0]
    return g.add("Add", [x, g.hidden("Cast", [steps], to=g.type)[0]])


@template("ConstantOfShape")
def _zeros(g: Growing) -> object:
    x = g.pick(2)
    zeros = g.hidden("ConstantOfShape", g.hidden("Shape", [x]))[0]
    return g.add("Add", [x, zeros if g.type == 1 else g.hidden("Cast", [zeros], to=g.type)[0]])


@template("Bitwise")
def _bits(g: Growing) -> object:
    x = g.pick(kind="i")
    return g.add("Cast", g.add(g.choose("BitwiseAnd", "BitwiseOr", "BitwiseXor"), [x, g.like(x)]), to=g.type)


@template("Integers")
def _integers(g: Growing) -> object:
    x = g.pick(kind="i")
    return g.add("Cast", g.add(g.choose("Add", "Mul", "Sub", "Div"), [x, g.constant(3, np.int64)]), to=g.type)
