#!/usr/bin/env bash
# Makes an environment for the embedding server on a GPU: deploy/install-embedding.sh FOLDER
# It is the server's own: torch and what belongs to it stay away from the application, and from vLLM's environment.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
for part in output messages machine python environment; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done
[ $# -eq 1 ] || { sed -n 2p "$0" >&2; exit 2; }
trap 'stop_child; exit 130' INT TERM HUP
prepare_environment "$1" "$ONDOL_ROOT/requirements-gpu.txt"
