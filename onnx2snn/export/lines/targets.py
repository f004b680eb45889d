"""The readers of NIR files, and what each of them makes of a node: one file does not serve them all."""

from dataclasses import dataclass

import numpy as np

from onnx2snn_runtime.errors import InputError

TIE = 1.0 - 2.0**-20
"""A membrane this close to its threshold fires: see `dynamics.integrate_and_fire`."""

STRICT = float(np.nextafter(np.float32(TIE), np.float32(0)))
"""What a membrane has to be above, in float32, to be TIE at least."""


@dataclass(frozen=True)
class Target:
    """How a reader takes NIR.

    `reset` is what its neurons do after a spike; `threshold` what theirs is compared with; `sums` whether it knows sums
    over windows but no means; `walks` whether it walks depth first (see `order`); `lif_for_if` whether its `IF` leaks,
    or is clipped, so that one that is neither is written as `LIF`; `one_for_all` whether an image of LIF neurons has
    to have one value for all of them; `axes` the number of axes of places that its convolutions have; `dt` the
    step that it assumes in seconds; `why` what is to be known of it, as sentences.
    """

    name: str
    reset: str
    threshold: float
    sums: bool
    walks: bool
    dt: float
    lif_for_if: bool = False
    one_for_all: bool = False
    axes: tuple[int, ...] = (2,)
    why: tuple[str, ...] = ()


TARGETS = {
    "sinabs": Target(
        "sinabs", "soft", 1.0, True, True, 1.0, lif_for_if=True, one_for_all=True,
        why=(
            "sinabs resets by subtraction, and sends several spikes in a step where the membrane holds them",
            "sinabs does not let an IF membrane fall below minus its threshold: neurons without a leak are LIF with a "
            "time constant of 1e30, one value for an image, so read the file by nir.read(path, type_check=False)",
            "give sinabs all steps at once, [batch * time, ...]: from_nir(graph, batch_size=...)",
        ),
    ),
    "norse": Target(
        "norse", "hard", STRICT, True, True, 1e-3,
        why=("norse counts no batch axis in Flatten: run it sample by sample",),
    ),
    "snntorch": Target(
        "snntorch", "hard", STRICT, False, False, 1e-4, lif_for_if=True,
        why=(
            "snnTorch reads IF as a neuron that leaks: neurons without a leak are LIF with a time constant of 1e30 s",
            "snnTorch counts no batch axis in Flatten: run it sample by sample",
        ),
    ),
    "spikingjelly": Target("spikingjelly", "hard", TIE, False, False, 1e-4, axes=(1, 2)),
}  # fmt: skip


def find_target(name: str) -> Target:
    """Return the target `name`; an unknown one raises InputError."""
    if name not in TARGETS:
        given = f"there is no reader {name!r} of NIR files" if name else "a NIR file is written for one reader"
        raise InputError(f"{given}: choose the --target {', '.join(TARGETS)}")
    return TARGETS[name]
