#!/usr/bin/env bash
# Checks the running system piece by piece: ./verify_system.sh [--json]
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ONDOL_ROOT"
for part in output messages choices; do
  # shellcheck source=/dev/null
  . "deploy/lib/$part.sh"
done
python="${ONDOL_VENV:-$ONDOL_ROOT/.venv}/bin/python"
if [ ! -x "$python" ]; then
  say "✗ $(text not_installed)" >&2
  exit 1
fi
use_choices "" ""
exec "$python" -m backend.verify --language "$(ondol_language)" "$@"
