"""Logs a run to Weights & Biases: a row for every number of time steps."""

from collections.abc import Mapping
from typing import Any

from onnx2snn.tracking.scalars import scalars, settings
from onnx2snn_runtime.errors import InputError


def need_wandb() -> Any:
    """Return the package wandb; raise InputError where it is not installed."""
    try:
        import wandb
    except ModuleNotFoundError as error:
        raise InputError("logging to Weights & Biases needs wandb: pip install 'onnx2snn[wandb]'") from error
    return wandb


def log_wandb(found: Mapping[str, Any], project: str) -> None:
    """Log the figures of `found`, what `evaluate` gave, as a run of `project`; T is the step of every curve.

    Where and how it is logged (online, offline) is what wandb's own environment variables and settings say.
    """
    wandb = need_wandb()
    run = wandb.init(project=project, config=settings(found), job_type="evaluate")
    run.define_metric("T")
    run.define_metric("*", step_metric="T")
    for t, figures in scalars(found).items():
        run.log({"T": t, **figures})
    run.summary.update(scalars(found)[max(scalars(found))])
    run.finish()
