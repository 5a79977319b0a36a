#!/usr/bin/env bash
# Checks training on this machine's NVIDIA GPU: builds the tensor addon against TensorFlow's CUDA wheel, compares logits
# and gradients of the full-size networks with the CPU, and measures steps per second. Prints a table, then one line of
# JSON; exits with 1 if a difference is too large. The addon that was there is put back at the end.
#
#   scripts/gpu-check.sh [--torch PYTHON]    PYTHON has the packages of scripts/bench-torch.py
#   scripts/gpu-check.sh --cpu               tries the script itself: this machine's addon, small networks, no GPU
#
# Needs Linux x64, the NVIDIA driver, python3 with pip, g++, 10 GB of disk and 16 GB of memory.
set -euo pipefail

device=gpu
torch=
while [ $# -gt 0 ]; do
  case $1 in
    --cpu) device=cpu ;;
    --torch) torch=${2:?--torch needs the path of a Python}; shift ;;
    *) echo "usage: scripts/gpu-check.sh [--cpu] [--torch PYTHON]" >&2; exit 2 ;;
  esac
  shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."

build_cuda_addon() {
  local cache version cuda addon kept
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader >&2
  cache=${FEDCARDIO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fedcardio}
  version=$(sed -n "s/^const TENSORFLOW = '\(.*\)';/\1/p" scripts/tensor-addon.mjs)
  cuda=$cache/cuda-for-tensorflow-$version
  if [ ! -d "$cuda" ]; then
    echo "gpu-check: downloading the CUDA libraries of TensorFlow $version (several GB, once) into $cuda" >&2
    rm -rf "$cuda.part"
    python3 -m pip install --quiet --target "$cuda.part" "tensorflow[and-cuda]==$version"
    mv "$cuda.part" "$cuda"
  fi
  LD_LIBRARY_PATH=$(printf '%s:' "$cuda"/nvidia/*/lib)${LD_LIBRARY_PATH:-}
  export LD_LIBRARY_PATH

  # The addon of another wheel is moved aside, because setup leaves what is there as it is.
  addon=$PWD/node_modules/@tensorflow/tfjs-node-gpu
  kept=$(mktemp -d "$addon/.before-gpu-check-XXXXXX")
  # shellcheck disable=SC2064 # the paths are those of now
  trap "rm -rf '$addon/lib' '$addon/deps'; find '$kept' -mindepth 1 -maxdepth 1 -exec mv {} '$addon/' ';'; rmdir '$kept'" EXIT
  for part in lib deps .fedcardio-no-addon; do
    if [ -e "$addon/$part" ]; then mv "$addon/$part" "$kept/"; fi
  done
  FEDCARDIO_TENSORFLOW=tensorflow FEDCARDIO_BACKEND='' node scripts/setup.mjs --again >&2
  test -e "$addon/lib/napi-v8/tfjs_binding.node"
}

if [ "$device" = gpu ]; then build_cuda_addon; else node scripts/setup.mjs >&2; fi
FEDCARDIO_BENCH_DEVICE=$device FEDCARDIO_BENCH_TORCH=$torch FEDCARDIO_BACKEND=native node bin/fedcardio.mjs bench device
