"""Rounds weights to integers so that what a synapse gives for the data changes least, not the weights themselves.

With inputs x (patches, of a convolution) and H = mean of x x', the output of a channel changes by (q - w)' H (q - w).
Its weights are rounded one after the other, and those that are still to come make up for the error so far:

    q_j = s round(w_j / s);   w_k -= (w_j - q_j) U_jk / U_jj  for k > j,   H^-1 = U' U, U upper triangular

Where a neuron has few inputs, steps of several sizes are tried for every channel, and the one that errs least is kept:
a lattice fits a few weights by luck. What is left of the mean error goes into the bias. Source: Frantar et al., GPTQ,
ICLR 2023 (arXiv 2210.17323); bias correction: Nagel et al., ICCV 2019 (arXiv 1906.04721).
"""

from dataclasses import dataclass

import numpy as np

MOST = 127
CLOSE = 2e-3
"""Weights that are so close to whole multiples, as a share of the step, are such: float32 has rounded them."""
DAMPING = 0.1
"""What is added to the diagonal of H, as a share of its mean: directions that the data do not show, and those that the
roundings of layers in front will move (0.1 errs less than 0.01 and 1 on held-back images of EfficientNet-lite0)."""
STEPS = np.linspace(1.0, 1.3, 64)
"""Sizes of steps that are tried, as shares of that which fits the largest weight: smaller ones would clip it."""
FEW_INPUTS = 64
"""Up to so many inputs a neuron they are tried."""
BLOCK = 128
"""So many columns are rounded before their errors are handed on to all others at once."""


@dataclass
class Seen:
    """The inputs of a synapse by groups of channels: sums of products [G, D, D] and of values [G, D], over `count`."""

    products: np.ndarray
    sums: np.ndarray
    count: int = 0

    def update(self, rows: np.ndarray) -> None:
        """Take in inputs [G, count, D]."""
        self.products = self.products + np.matmul(rows.transpose(0, 2, 1), rows)
        self.sums = self.sums + rows.sum(1, dtype=np.float64)
        self.count += rows.shape[1]


def rounded(weights: np.ndarray, scale: np.ndarray, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers, -128 to 127, for `weights` [G, O, D], and their steps, `scale` [G, O, 1] or larger ones.

    Channels that are whole multiples of their scale keep it.
    """
    hessian = seen.products.astype(np.float64) / max(1, seen.count)
    diagonal = np.einsum("gdd->gd", hessian).copy()
    places = np.arange(hessian.shape[1])
    hessian[:, places, places] += DAMPING * diagonal.mean(1, keepdims=True) + (diagonal <= 0) + 1e-12
    order = np.argsort(-diagonal, 1)  # what counts most first, while there are weights to make up for it
    turned = np.take_along_axis(weights, order[:, None], 2)
    hessian = np.take_along_axis(np.take_along_axis(hessian, order[:, :, None], 1), order[:, None], 2)
    made, steps = _best(turned, scale, hessian)
    found = np.empty_like(made)
    np.put_along_axis(found, np.broadcast_to(order[:, None], made.shape), made, 2)
    return found, steps


def _best(weights: np.ndarray, scale: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers and the steps that err least, of every channel."""
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).transpose(0, 2, 1)
    exact = np.abs(weights / scale - np.rint(weights / scale)).max(2, keepdims=True) < CLOSE
    best = _in_turn(weights / scale, upper)
    steps, least = np.array(scale), _error(best * scale - weights, hessian)
    for share in STEPS[1:] if weights.shape[2] <= FEW_INPUTS else ():
        tried = scale * share
        made = _in_turn(weights / tried, upper)
        error = _error(made * tried - weights, hessian)
        better = (error < least) & ~exact
        best, steps, least = (np.where(better, new, old) for new, old in ((made, best), (tried, steps), (error, least)))
    return best, steps


def _error(difference: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Return d' H d of every channel, [G, O, 1]."""
    found: np.ndarray = (np.matmul(difference, hessian) * difference).sum(2, keepdims=True)
    return found


def _in_turn(rest: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Round `rest` [G, O, D], in steps of 1, column after column; it is overwritten."""
    made, columns = np.zeros_like(rest), rest.shape[2]
    for start in range(0, columns, BLOCK):
        end = min(start + BLOCK, columns)
        errors = np.zeros_like(rest[:, :, start:end])
        for j in range(start, end):
            made[:, :, j] = np.rint(rest[:, :, j]).clip(-MOST - 1, MOST)
            error = (rest[:, :, j] - made[:, :, j]) / upper[:, j, j, None]
            rest[:, :, j + 1 : end] -= error[:, :, None] * upper[:, j, None, j + 1 : end]
            errors[:, :, j - start] = error
        rest[:, :, end:] -= np.matmul(errors, upper[:, start:end, end:])
    return made


def mean_error(weights: np.ndarray, integers: np.ndarray, scale: np.ndarray, seen: Seen) -> np.ndarray:
    """Return what the outputs [G, O] lack in the mean because of the rounding."""
    mean = seen.sums / max(1, seen.count)
    found: np.ndarray = np.einsum("god,gd->go", weights - integers * scale, mean)
    return found
