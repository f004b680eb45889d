"""The one error base class of the project; every message says what is wrong, where, and what to do."""


class Onnx2SnnError(Exception):
    """Anything that a user of onnx2snn can put right; its text is one sentence."""


class InputError(Onnx2SnnError, ValueError):
    """An array, option or file of the caller's does not fit; the text names it."""


class ModelError(Onnx2SnnError):
    """A model cannot be read, converted or run; the text names the file and the node."""


class UnsupportedError(ModelError):
    """A model holds operators that cannot be converted or run; the text names all of them."""


class RegistryError(Onnx2SnnError, LookupError):
    """A name is unknown, or registered twice."""
