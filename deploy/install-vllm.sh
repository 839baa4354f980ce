#!/usr/bin/env bash
# Makes an environment with vLLM: deploy/install-vllm.sh FOLDER [REQUIREMENTS]
# For pods whose image has none. Nothing else is ever installed into it.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
for part in output messages machine python environment; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done
[ $# -ge 1 ] || { sed -n 2p "$0" >&2; exit 2; }
trap 'stop_child; exit 130' INT TERM HUP
prepare_environment "$1" "${2:-$ONDOL_ROOT/deploy/requirements-vllm.txt}"
