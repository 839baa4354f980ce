# shellcheck shell=bash
# Inside a rented GPU pod, which is a container itself: vLLM in its own environment, the rest in ours, kept alive by
# supervisord, and everything that must last on the volume. The page comes first; what takes minutes follows.

for part in native settings pod; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done

# Estimated: PyTorch with CUDA and the encoder's libraries unpacked, with what pip keeps while it works.
POD_EMBEDDING_MB=9000
POD_VLLM_MB=16000

way_small_model() { echo Qwen/Qwen2.5-Coder-1.5B-Instruct; }

# way_place ACTION: before anything is written, so that all of it is written to the volume.
way_place() {
  pod_find_home
  if [ "$1" = start ]; then
    [ -z "$POD_FAULT" ] || fail "$(text pod_volume_fault "$POD_VOLUME" "$POD_FAULT")" "$(text pod_volume_fault_next)"
    keep_var_on_volume
    # An image brings its environment; a clone's is made once and kept.
    if [ -z "${ONDOL_VENV:-}" ] && { [ -L .venv ] || [ ! -e .venv ]; }; then keep_on_volume .venv; fi
  fi
  pod_defaults
}

way_install() { native_install; }

# way_start NEW_MODEL NEW_PORT
way_start() {
  local embedding="${ONDOL_EMBEDDING_VENV:-$(pod_place embedding)}" status=0
  set -- ${1:+--new-model} ${2:+--new-port}
  native_supervision start --page-first --embedding-python "$embedding/bin/python" "$@" || exit $?
  [ -z "$POD_WARNING" ] || say "! $POD_WARNING"
  is_set RUNPOD_API_KEY || say "! $(text pod_no_key)"
  [ -n "${ONDOL_EMBEDDING_VENV:-}" ] || pod_environment "$embedding" "$POD_EMBEDDING_MB" install-embedding
  case ${VLLM_COMMAND:-} in
    "$(pod_place vllm)/bin/vllm") pod_environment "$(pod_place vllm)" "$POD_VLLM_MB" install-vllm ;;
  esac
  release_lock # what follows only waits
  native_supervision engines || status=$?
  [ "$status" -eq 0 ] || POD_ENGINE_FAILED=$status
}

# way_end: the exit status of a start whose page is up and whose engine is not.
way_end() { exit "${POD_ENGINE_FAILED:-0}"; }

# pod_environment FOLDER MEGABYTES SCRIPT: makes an environment of its own. The page is up already, so a failure is told
# and nothing ends: without its environment the embedding server takes the small encoder, and the engine says what it lacks.
pod_environment() {
  if [ ! -e "$1/bin/python" ] && ! (require_space "$(dirname "$1")" "$2"); then return; fi
  "$ONDOL_ROOT/deploy/$3.sh" "$1" || say "! $(text pod_environment_failed "$1")"
}
