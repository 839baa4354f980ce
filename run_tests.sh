#!/usr/bin/env bash
# Runs the tests: ./run_tests.sh [unit|integration|browser ...] [arguments for pytest]
# Makes .venv and gets a browser where they are missing. Without a name all three kinds run.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ONDOL_ROOT"
for part in output messages machine python environment tests; do
  # shellcheck source=/dev/null
  . "deploy/lib/$part.sh"
done
trap 'stop_child; exit 130' INT TERM HUP

kinds=()
while [ $# -gt 0 ]; do
  case $1 in
    unit | integration | browser)
      kinds+=("tests/$1")
      shift
      ;;
    -h | --help)
      sed -n '2,3s/^# //p' "$0"
      exit
      ;;
    *) break ;;
  esac
done
# A path among the arguments says itself what to run.
case " $* " in *" tests/"*) ;; *) [ ${#kinds[@]} -gt 0 ] || kinds=(tests/unit tests/integration tests/browser) ;; esac

# Most tests wait for other processes. A file stays with one worker: its tests share what is slow to start.
side_by_side=()
if [ ${#kinds[@]} -gt 0 ]; then
  workers=$(nproc)
  side_by_side=(-n "$((workers < 4 ? workers : 4))" --dist loadfile)
fi

prepare_tests
case " ${kinds[*]-} $* " in *tests/browser*) prepare_browser ;; esac
exec "$TEST_PYTHON" -m pytest ${side_by_side[@]+"${side_by_side[@]}"} ${kinds[@]+"${kinds[@]}"} "$@"
