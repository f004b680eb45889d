"""Counts of n-grams in sequences of token numbers."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.held import on_device

OPERATORS: Declared = {
    "TfIdfVectorizer": {},
}


@operator("TfIdfVectorizer")
def tfidf_vectorizer(
    x: Tensor,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: list[int],
    ngram_indexes: list[int],
    pool_int64s: list[int] | None = None,
    pool_strings: list[str] | None = None,
    weights: list[float] | None = None,
) -> Tensor:
    """y (N, max(ngram_indexes) + 1) = how often each n-gram of the pool occurs in x (N, C), weighted by `mode`."""
    if pool_int64s is None:
        raise UnsupportedError("TfIdfVectorizer with pool_strings is not supported: torch has no strings")
    rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
    counts = []
    for n in range(1, len(ngram_counts) + 1):
        bounds = [*ngram_counts, len(pool_int64s)][n - 1 : n + 1]
        pool = on_device(pool_int64s[slice(*bounds)], torch.int64, x.device).reshape(-1, n)
        found = torch.zeros((rows.shape[0], pool.shape[0]), dtype=torch.int64, device=x.device)
        for skip in range(max_skip_count + 1 if n > 1 else 1):
            span = (n - 1) * (skip + 1) + 1
            if min_gram_length <= n <= max_gram_length and span <= rows.shape[1]:
                grams = rows.unfold(1, span, 1)[..., :: skip + 1]
                found = found + (grams[:, :, None, :] == pool).all(-1).sum(1)
        counts.append(found)
    y = torch.cat(counts, 1).float()
    y = y.clamp(max=1) if mode == "IDF" else y
    if mode != "TF" and weights is not None:
        y = y * on_device(weights, y.dtype, x.device)
    place = on_device(ngram_indexes, torch.int64, x.device)
    y = torch.index_add(y.new_zeros((rows.shape[0], max(ngram_indexes) + 1)), 1, place, y)
    return y.reshape(*x.shape[:-1], -1)
