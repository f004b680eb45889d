"""The process that tries models out: started when first needed, in a quarter of a second, and kept for the next."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from onnx2snn.reference.deadline import Deadline

LOADING = "onnxruntime, loading it"
RUNNING = "onnxruntime, running it on made-up inputs"


class Server:
    """The process that tries models out; it belongs to the process that started it, not to its forks."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)  # never the folder that somebody works in
        self.owner = os.getpid()
        self.ready = False
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("trying.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}, start_new_session=True,
        )  # fmt: skip

    def ask(
        self, raw: bytes, seconds: int, running: int = 0, *, kind: str = "whole", **options: Any
    ) -> list[dict[str, Any]]:
        """Return the answers to a model, which may compute so many seconds, or `running` to run; an end comes last.

        Where the process does not even start, for want of memory say, the only answer is {"absent": why}. `kind` and
        `options` are what `trying` takes; a result comes as {"result": bytes}. What is left of a question
        that was interrupted would be taken for answers to the next: the process goes.
        """
        late = threading.Event()
        answers: list[dict[str, Any]] = []
        question = {"kind": kind, "size": len(raw), "seconds": seconds, **options}
        try:
            self._listen(json.dumps(question).encode() + b"\n" + raw, seconds, running or seconds, late, answers)
        finally:
            if not answers or "done" not in answers[-1]:
                self.stop()
        if answers and "done" in answers[-1]:
            return answers
        if not self.ready:
            return [{"absent": "the process that tries models out does not start"}]
        code = self.process.returncode
        return [*answers, {"late": f"takes more than {seconds} s"} if late.is_set() else {"died": _death(code)}]

    def _listen(
        self, question: bytes, seconds: int, running: int, late: threading.Event, answers: list[dict[str, Any]]
    ) -> None:
        stream = self.process.stdout
        if not self.ready:  # the start of Python is not the model's time
            self.ready = bool(stream and stream.readline())
            if not self.ready:
                return
        timer = Deadline(self.process, seconds, late)
        try:
            self._send(question)
            while stream and (line := stream.readline()):
                answers.append(json.loads(line))
                if "result" in answers[-1]:
                    answers[-1]["result"] = stream.read(answers[-1]["result"])
                if "done" in answers[-1]:
                    return
                if answers[-1].get("stage") == RUNNING and running < seconds:
                    timer.cancel()
                    timer = Deadline(self.process, running, late)
            self.process.wait()
        finally:
            timer.cancel()

    def _send(self, raw: bytes) -> None:
        try:
            if self.process.stdin:
                self.process.stdin.write(raw)
                self.process.stdin.flush()
        except BrokenPipeError:
            return  # it died over what came before: the end of its answers says so

    def stop(self) -> None:
        """End the process and close its pipes."""
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


LOCK = threading.Lock()
_servers: list[Server] = []


def server() -> Server:
    """Return the server of this process, which is started where there is none."""
    if _servers and (_servers[0].owner != os.getpid() or _servers[0].process.poll() is not None):
        _servers.pop()
    if not _servers:
        _servers.append(Server())
    return _servers[0]


@atexit.register
def _end() -> None:
    while _servers:
        _servers.pop().stop()


def _death(code: int) -> str:
    name = signal.Signals(-code).name if code < 0 and -code in set(signal.Signals) else f"exit code {code}"
    return f"dies of it ({name})"
