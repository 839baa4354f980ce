#!/usr/bin/env bash
# Makes an environment with what the application needs: deploy/install-app.sh FOLDER [REQUIREMENTS]
# For images and machines where the database and the model server run elsewhere.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
for part in output messages machine python environment; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done
[ $# -ge 1 ] || { sed -n 2p "$0" >&2; exit 2; }
trap 'stop_child; exit 130' INT TERM HUP
prepare_environment "$1" "${2:-$ONDOL_ROOT/requirements-app.txt}"
