"""Checks the names in settings against the registries of the runtime; apart, since these bring torch."""

from typing import Any

from onnx2snn.settings.conversion import ConversionSettings
from onnx2snn.settings.values import check_choice
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.ir.schema import ModelDefaults
from onnx2snn_runtime.settings import make_settings


def check_registered(settings: ConversionSettings) -> None:
    """Raise what a run of the network would raise, before any work: InputError for options, RegistryError for names."""
    check_choice("encoder", settings.network.encoder, tuple(ENCODERS))
    inputs = () if settings.network.encoder == "direct" else ("any",)
    make_settings(ModelDefaults(spiking_inputs=inputs, **run_defaults(settings)), {})


def run_defaults(settings: ConversionSettings) -> dict[str, Any]:
    """Return the settings that a network carries into its runs, as `ModelDefaults` takes them."""
    spikes = settings.spikes.resolved()
    return {
        "dynamics": spikes.dynamics,
        "dynamics_options": dict(spikes.dynamics_options),
        "schedule": spikes.schedule,
        "schedule_options": dict(spikes.schedule_options),
        "timesteps": spikes.timesteps,
        "neurons": settings.network.neurons,
        "encoder": settings.network.encoder,
        "delay": settings.network.delay,
        "settings": settings.tables(),
    }
