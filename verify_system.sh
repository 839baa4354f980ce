#!/usr/bin/env bash
# Checks the running system piece by piece: ./verify_system.sh [--way laptop|pod|docker] [--json]
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ONDOL_ROOT"
for part in output messages machine python environment choices; do
  # shellcheck source=/dev/null
  . "deploy/lib/$part.sh"
done

options=()
way=$(chosen ONDOL_WAY)
while [ $# -gt 0 ]; do
  case $1 in
    --way)
      way=${2:-}
      [ $# -lt 2 ] || shift
      ;;
    --way=*) way=${1#*=} ;;
    *) options+=("$1") ;;
  esac
  shift
done
way=$(current_way "$way")
case $way in
  laptop | pod | docker) ;;
  *)
    say "✗ $(text bad_way "$way")" >&2
    exit 2
    ;;
esac
set -- backend.verify --way "$way" --language "$(ondol_language)" ${options[@]+"${options[@]}"}

# shellcheck source=/dev/null
. "deploy/ways/$way.sh"
if [ "$way" = docker ]; then
  docker_compose_as_it_is exec -T app python -m "$@"
  exit
fi
# What the start chose for this way is chosen here too, without starting or moving anything.
if [ "$way" = pod ]; then way_place verify; fi
if ! native_installed; then
  say "✗ $(text not_installed)" >&2
  exit 1
fi
use_choices "" ""
exec "$NATIVE_VENV/bin/python" -m "$@"
