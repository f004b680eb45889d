"""Prints how much of ONNX's backend suite the handlers pass: python -m tests.runtime.ops.conformance [pattern]."""

import re
import sys
import time
import warnings

from tests.runtime.ops.exclusions import EXCLUSIONS
from tests.runtime.ops.suite import KINDS, Case, cases, check


def outcome(case: Case) -> str:
    """Return "" where a case passes, else the first line of what went wrong."""
    try:
        check(case)
    except Exception as error:  # noqa: BLE001 - a count of failures must survive every one of them
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text[:160]}"
    return ""


def excluded(case: Case) -> bool:
    """Return whether a row of the table excludes a case."""
    return any(re.search(pattern, case.name) for pattern in EXCLUSIONS)


def main(pattern: str = "") -> int:
    """Print the counts and the table; return the number of failures."""
    warnings.simplefilter("ignore")
    start, failures = time.perf_counter(), 0
    for kind in KINDS:
        chosen = [case for case in cases(kind) if re.search(pattern, case.name)]
        left = [case for case in chosen if not excluded(case)]
        results = {case.name: outcome(case) for case in left}
        failed = {name: text for name, text in results.items() if text}
        for name, text in failed.items():
            print(f"FAILED {name}: {text}")
        failures += len(failed)
        counts = f"{len(left) - len(failed):5} passed {len(failed):5} failed {len(chosen) - len(left):5} excluded"
        print(f"{kind:18}{counts}  of {len(chosen)}")
    print(f"{time.perf_counter() - start:.0f} s\n")
    for row, reason in EXCLUSIONS.items():
        count = sum(bool(re.search(row, case.name)) for kind in KINDS for case in cases(kind))
        print(f"{count:5}  {row:60} {reason}")
    return failures


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]) > 0)
