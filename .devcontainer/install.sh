#!/usr/bin/env bash
# The steps of the Dockerfile: `install.sh system` installs what the package needs of the system, `install.sh package` the
# package with its tests into a virtual environment ($VENV, by default /opt/onnx2snn). DEVICE=cuda takes the PyTorch that
# pip finds, for CUDA; DEVICE=cpu the one of constraints.txt, from PyTorch's own index of CPU builds where INDEX names it.
set -euo pipefail

system() {
  if command -v apt-get > /dev/null; then
    apt-get update
    apt-get install --yes --no-install-recommends gcc libc6-dev git python3 python3-venv
    rm -rf /var/lib/apt/lists/*
  fi
}

package() {
  local venv="${VENV:-/opt/onnx2snn}"
  python3 -m venv --without-pip "$venv"
  local pip=(python3 -m pip --python "$venv/bin/python")
  python3 -m pip --version > /dev/null 2>&1 || { python3 -m venv "$venv"; pip=("$venv/bin/python" -m pip); }
  if [ "${DEVICE:-cpu}" = cpu ] && [ -n "${INDEX:-}" ]; then
    "${pip[@]}" install --quiet -c constraints.txt --index-url "$INDEX" torch
  fi
  "${pip[@]}" install --quiet -c constraints.txt -e ".[test]"
  "$venv/bin/onnx2snn" demo
}

case "${1:-}" in
  system | package) "$1" ;;
  *) echo "usage: install.sh system|package" >&2; exit 2 ;;
esac
