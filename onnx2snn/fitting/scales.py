"""One scale a channel or one a layer: a channel's fits what it was measured on better, a layer's other data too."""

import numpy as np

from onnx2snn.fitting.calibrate import fitted_scale
from onnx2snn_runtime.model import SpikingModel

Scales = dict[str, np.ndarray]


def own_scales(snn: SpikingModel) -> Scales:
    """Return the scales of the populations that have several."""
    scales = {p.name: np.asarray(p.attributes.scale) for p in snn.program.populations}
    return {name: scale for name, scale in scales.items() if scale.size > 1}


def layer_scales(snn: SpikingModel) -> Scales:
    """Return one fitted scale for each population that has several, from what calibration saw of it."""
    own = {p.name: p.attributes for p in snn.program.populations}
    return {name: fitted_scale(np.asarray(own[name].maximum), np.asarray(own[name].rms)) for name in own_scales(snn)}


def put_scales(snn: SpikingModel, scales: Scales) -> None:
    """Give the populations these scales."""
    for name, scale in scales.items():
        snn.set_population(name, scale=scale)
