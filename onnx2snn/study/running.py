"""Runs one job of a study: conversion, evaluation, and a row for every cell, also for one that fails."""

import time
import warnings
from pathlib import Path
from typing import Any

import onnx

from onnx2snn import zoo
from onnx2snn.conversion import convert
from onnx2snn.data.for_model import open_data, read_few
from onnx2snn.evaluation.evaluation import Streaming, evaluate
from onnx2snn.evaluation.provenance import network_digest, versions
from onnx2snn.settings.conversion import changed
from onnx2snn.study.jobs import Job
from onnx2snn_runtime.errors import Onnx2SnnError, Onnx2SnnWarning, Stage
from onnx2snn_runtime.ir.verify import read_model
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel

FIGURES = ("accuracy", "agreement", "cosine", "relative_error", "events_per_neuron", "events", "synaptic_operations")
ARITHMETICS = ("fp32", "int8")
Row = dict[str, Any]


def run_job(job: Job, readers: int = Streaming.readers) -> list[Row]:
    """Return a row for each cell of `job`; where it fails every row says why."""
    import torch

    start = time.time()
    try:
        with warnings.catch_warnings(), Stage(f"the cell {job.name!r}"):
            warnings.simplefilter("ignore", Onnx2SnnWarning)  # the figures say it
            return _measured(job, start, readers)
    except Onnx2SnnError as error:
        return failed_rows(job, str(error), start)
    except torch.OutOfMemoryError:
        return failed_rows(job, "the memory of the device is used up: give a smaller evaluate.batch_size", start)


def failed_rows(job: Job, why: str, start: float | None = None) -> list[Row]:
    """Return a row for each cell of `job` that says `why` there are no figures."""
    return [_identity(job, t, time.time() if start is None else start) | {"error": why} for t in job.timesteps]


def _measured(job: Job, start: float, readers: int) -> list[Row]:
    snn = _converted(job)
    converted = time.time()
    options = dict(job.evaluate)
    snn = place(snn, job.device, options.pop("dtype", None))
    data = open_data(Path(job.subject.data), snn.proto, job.samples, job.images, job.subject.labels, seed=job.seed)
    found = evaluate(snn, data, job.timesteps, streaming=Streaming(readers), **options)
    report = snn.conversion
    about = {
        "samples": found["samples"],
        "ann_accuracy": found["ann"]["accuracy"],
        "convert_seconds": round(converted - start, 3),
        "evaluate_seconds": round(time.time() - converted, 3),
        "notes": report.notes if report else [],
        "network": network_digest(snn),
        "populations": found["populations"],
        "neurons": found["neurons"],
    }
    return [_identity(job, t, start) | _figures(found, str(t)) | about for t in job.timesteps]


def _converted(job: Job) -> SpikingModel:
    """Return the spiking network of the job."""
    subject, source = job.subject, Path(job.subject.file)
    proto: onnx.ModelProto = read_model(source) if source.is_file() else zoo.load(subject.file).proto
    calibration = None
    if subject.calibration is not None:
        stream = open_data(Path(subject.calibration), proto, None, job.images)
        calibration = read_few(stream, job.calibration_samples, "random", job.seed).inputs
    return convert(source if source.is_file() else subject.file, calibration, settings=job.settings, device=job.device)


def _identity(job: Job, timesteps: int, start: float) -> Row:
    """Return what a cell is, and what made it."""
    return {
        "key": job.key(timesteps),
        "study": job.study,
        "model": job.subject.name,
        "payload": job.payload,
        "timesteps": timesteps,
        "seed": job.seed,
        "error": None,
        "made_by": {
            "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
            "file": job.subject.file,
            "file_digest": job.digest,
            "data": job.subject.data,
            "labels": job.subject.labels,
            "calibration": job.subject.calibration,
            "calibration_samples": job.calibration_samples,
            "settings": changed(job.settings.tables()),
            "evaluate": job.evaluate,
            "images": job.images,
            "device": job.device,
            "versions": versions(),
        },
    }


def _figures(found: dict[str, Any], timesteps: str) -> Row:
    at, energy = found["timesteps"][timesteps], found["energy"]
    figures = {name: at[name] for name in FIGURES}
    for name in ARITHMETICS:
        figures[f"energy_{name}"] = None if energy is None else energy[name][timesteps]["ratio"]
    return figures
