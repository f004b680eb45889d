"""The cells of a study, by conversion: a job converts a model once and evaluates it at some numbers of time steps."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from onnx2snn.settings import ConversionSettings
from onnx2snn.study.spec import Study, Subject


@dataclass(frozen=True)
class Job:
    """One conversion, and the time steps that it is evaluated at; `digest` is that of the model's file."""

    study: str
    subject: Subject
    payload: str
    settings: ConversionSettings
    seed: int
    timesteps: tuple[int, ...]
    samples: int | None
    calibration_samples: int | None
    digest: str
    evaluate: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return f"{self.subject.name}, {self.payload}, seed {self.seed}"

    def key(self, timesteps: int) -> str:
        """Return a digest of all that the cell at so many time steps depends on."""
        made_of = {
            "model": self.digest or self.subject.file,
            "subject": asdict(self.subject) | {"file": ""},
            "settings": self.settings.tables(),
            "cell": [self.payload, self.seed, timesteps, self.samples, self.calibration_samples],
            "evaluate": self.evaluate,
            "images": self.images,
        }
        text = json.dumps(made_of, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def jobs(study: Study, device: str = "cpu") -> list[Job]:
    """Return the jobs of `study`: by model, payload and seed, and by time steps where each has its conversion."""
    return list(_jobs(study, device))


def _jobs(study: Study, device: str) -> Iterator[Job]:
    groups = [(t,) for t in study.timesteps] if study.per_timestep else [tuple(study.timesteps)]
    for subject in study.subjects:
        digest = _digest(subject)
        for payload in study.payloads:
            for seed in study.seeds:
                chosen = {**study.convert, **subject.convert, **payload.settings, "seed": seed}
                for group in groups:
                    own = {"timesteps": group[0]} if study.per_timestep else {}
                    yield Job(
                        study.name, subject, payload.name, ConversionSettings().updated(**chosen, **own), seed, group,
                        study.samples, study.calibration_samples, digest, study.evaluate, study.images, device,
                    )  # fmt: skip


def left(all_jobs: Iterable[Job], done: set[str]) -> list[Job]:
    """Return what is missing: the jobs without the cells whose keys are `done`."""
    rest = [replace(job, timesteps=tuple(t for t in job.timesteps if job.key(t) not in done)) for job in all_jobs]
    return [job for job in rest if job.timesteps]


def _digest(subject: Subject) -> str:
    path = Path(subject.file)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
