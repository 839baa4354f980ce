# shellcheck shell=bash
# A vLLM that ends at its start is started again by Docker for ever, with the same settings: here that is noticed, and
# where the GPU's memory was short what it is started with is lowered.

DOCKER_ENDS=2 # a start that ended so often in a row will not work

# docker_restarts: `ID NUMBER` of the container of vLLM, where there is one.
docker_restarts() {
  local id
  docker_runs_vllm || return 0
  id=$(docker_compose_as_it_is ps --all --quiet vllm-server 2>/dev/null | head -n 1) || true
  [ -z "$id" ] || docker inspect --format '{{.Id}} {{.RestartCount}}' "$id" 2>/dev/null || true
}

# docker_keeps_ending BEFORE: whether vLLM has ended again and again since `docker_restarts` said BEFORE.
docker_keeps_ending() {
  local now before=0
  now=$(docker_restarts)
  [ -n "$now" ] || return 1
  if [ "${now% *}" = "${1% *}" ] && [ "${1#* }" -le "${now#* }" ]; then before=${1#* }; fi
  [ $((${now#* } - before)) -ge "$DOCKER_ENDS" ]
}

# docker_lower: writes lower settings into .env. Where that is no help vLLM is stopped, and the script says why and ends.
docker_lower() {
  local log="${DOCKER_LOG%.log}-vllm.log" name value lines kept status=0 given=()
  docker_compose_as_it_is logs --no-color --no-log-prefix --tail 400 vllm-server >"$log" 2>&1 || true
  for name in VLLM_MAX_MODEL_LEN VLLM_GPU_MEMORY_UTILIZATION VLLM_MAX_NUM_SEQS; do
    value=$(setting "$name")
    [ -z "$value" ] || given+=(--env "$name=$value")
  done
  lines=$(docker run --rm --interactive --network none --read-only "${given[@]+"${given[@]}"}" \
    ondol-app:0.1.0 python -m backend.llm.lowering_choice <"$log" 2>"$DOCKER_LOG") || status=$?
  if [ "$status" -ne 0 ] || [ -z "$lines" ]; then
    docker_compose_as_it_is stop vllm-server >/dev/null 2>&1 || true
    clear_line
    value=$(tail -n 1 "$DOCKER_LOG")
    [ "$status" -ne 3 ] || fail "$(text docker_no_memory "$value")" "$(text docker_no_memory_next)"
    fail "$(text docker_vllm_ends "$value")" "$(text docker_vllm_ends_next "$log")"
  fi
  while IFS='=' read -r name value; do
    kept=$(docker_chosen | grep -v "^$name=" || true)
    docker_remember "$kept${kept:+$'\n'}$name=$value"
    export "$name=$value"
  done <<<"$lines"
  clear_line
  say "  ! $(text docker_lowered "$(printf '%s' "$lines" | tr '\n' ' ')")"
}
