"""Trains a network on batches of images: one cycle of the learning rate, mixed precision on CUDA, resumable."""

import os
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.config import OptimizerConfig, TrainingConfig
from onnx2snn_runtime.errors import InputError

Batches = Callable[[], Iterable[tuple[torch.Tensor, torch.Tensor]]]
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Trainer:
    """Trains `network` in place for `config.epochs` of `steps` batches; with a `checkpoint` file it goes on from there.

    `progress` gets what is done and the share of it. The state after every epoch is written to `checkpoint`.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerConfig,
        config: TrainingConfig,
        steps: int,
        *,
        generator: torch.Generator | None = None,
        checkpoint: Path | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self.config, self.steps, self.checkpoint = config, steps, checkpoint
        self.generator = generator
        self.progress = progress or (lambda stage, share: None)
        self.device = _device(config.device)
        self.precision = _precision(config.precision, self.device)
        self.network = network.to(self.device)
        self.optimizer = _optimizer(optimizer, network)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, optimizer.learning_rate, total_steps=max(1, config.epochs * steps)
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.epoch = 0
        self._resume()

    def fit(self, batches: Batches) -> None:
        """Train for the epochs that are left; `batches` gives images and labels, anew for every epoch."""
        self.network.train()
        while self.epoch < self.config.epochs:
            total, seen = torch.zeros((), device=self.device), 0
            for image, label in batches():
                total += self._step(image.to(self.device, non_blocking=True), label.to(self.device, non_blocking=True))
                seen += 1
                share = (self.epoch + seen / self.steps) / self.config.epochs
                self.progress(f"epoch {self.epoch + 1}/{self.config.epochs}", share)
            self.epoch += 1
            print(f"epoch {self.epoch}/{self.config.epochs}  loss {total.item() / max(1, seen):.4f}", flush=True)
            self._save()

    def _step(self, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            loss = functional.cross_entropy(self.network(image), label)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return loss.detach()

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {name: part.state_dict() for name, part in self._parts().items()}
        drawn = None if self.generator is None else self.generator.get_state()
        partial = self.checkpoint.with_name(self.checkpoint.name + ".part")
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**state, "epoch": self.epoch, "random": torch.get_rng_state(), "generator": drawn}, partial)
        os.replace(partial, self.checkpoint)

    def _resume(self) -> None:
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
        except (RuntimeError, KeyError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise InputError(
                f"the checkpoint {str(self.checkpoint)!r} is of another network or is damaged: remove it to start anew"
            ) from error
        self.epoch = state["epoch"]
        torch.set_rng_state(state["random"])
        if self.generator is not None and state["generator"] is not None:
            self.generator.set_state(state["generator"])
        print(f"going on after epoch {self.epoch} of {str(self.checkpoint)!r}", flush=True)


def _device(name: str) -> torch.device:
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"there is no device {name!r} here: train on the CPU with training.device=cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise InputError(f"there is no device {name!r}: give cpu, cuda or cuda:N") from error


def _precision(name: str, device: torch.device) -> torch.dtype:
    if name not in PRECISIONS:
        raise InputError(f"there is no precision {name!r}: choose {', '.join(PRECISIONS)}")
    return PRECISIONS[name] if device.type == "cuda" else torch.float32


def _optimizer(config: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    if config.name == "adamw":
        return torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    if config.name == "sgd":
        options = {"momentum": 0.9, "nesterov": True, "weight_decay": config.weight_decay}
        return torch.optim.SGD(network.parameters(), config.learning_rate, **options)
    raise InputError(f"there is no optimizer {config.name!r}: choose adamw or sgd")
