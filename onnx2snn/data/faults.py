"""The exceptions of the libraries that read sample data, for files that are damaged, encrypted or of another kind."""

import lzma
import struct
import tokenize
import zipfile
import zlib

FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Found by changing bytes of files: numpy parses headers as Python, zipfile trusts its directory, Pillow its chunks."""
