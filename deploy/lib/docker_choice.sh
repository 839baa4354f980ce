# shellcheck shell=bash
# What vLLM is started with: chosen once by the GPU and kept in .env between two marks, where it can be changed.

DOCKER_MARK='# --- chosen by quick_start.sh for this GPU; change what you like, or delete it all to choose again ---'
DOCKER_END='# --- end of what was chosen ---'

# docker_choose NEW_MODEL NEW_PORT: nothing of the operator's own lines is changed; an option of now beats all of them.
docker_choose() {
  local kept before named=$1 known written
  kept=$(docker_chosen)
  before=$kept
  # What was chosen fitted the model before.
  [ -z "$1" ] || kept=$(printf '%s\n' "$kept" | grep '^GRADIO_SERVER_PORT=' || true)
  [ -n "$named" ] || named=$(setting LLM_MODEL_NAME LLM_MODEL VLLM_MODEL)
  known=$named
  if [ -n "$named" ] && docker_runs_vllm; then
    known=$(hub_model "$named") || exit 1 # a laptop's name may be remembered here, or stand in .env
    [ "$known" = "$named" ] || say "  $(text pod_model "$named" "$known")"
  fi
  if [ -n "$known" ]; then
    export LLM_MODEL_NAME=$known
    # A model that the environment names for this start alone is not written over what .env says.
    written=$(unset LLM_MODEL_NAME LLM_MODEL VLLM_MODEL && setting LLM_MODEL_NAME LLM_MODEL VLLM_MODEL)
    if [ -n "$1" ] || [ -z "$written" ] || { [ "$named" = "$written" ] && [ "$known" != "$named" ]; }; then
      kept=$(docker_line "$kept" LLM_MODEL_NAME "$known")
    fi
  fi
  [ -z "$2" ] || kept=$(docker_line "$kept" GRADIO_SERVER_PORT "$2")
  [ "$kept" = "$before" ] || docker_remember "$kept"
  if docker_runs_vllm; then
    docker_choose_by_gpu "$kept"
  elif [ -z "$known" ]; then
    fail "$(text docker_no_model)" "$(text docker_no_model_next)"
  fi
  docker_note_engine
}

# docker_line LINES NAME VALUE: the lines with this one in place of what they said of it.
docker_line() {
  { printf '%s\n' "$1" | grep -v "^$2=" | grep . || true; }
  printf '%s=%s\n' "$2" "$3"
}

# docker_note_engine: writes which containers answer, so that Compose's own commands take the same as this script. What the
# environment says of this start alone is not written.
docker_note_engine() {
  local kept lines
  kept=$(docker_chosen)
  lines=$(printf '%s\n' "$kept" | grep -vE '^(ONDOL_VLLM_SERVERS|COMPOSE_PROFILES)=' || true)
  [ "$lines" = "$kept" ] || docker_remember "$lines" # the operator's own profiles count again
  kept=$lines
  lines=$(unset LLM_SERVICE_TYPE VLLM_SERVER_URL COMPOSE_PROFILES && docker_engine)
  [ -z "$lines" ] || docker_remember "$kept${kept:+$'\n'}$lines"
}

# docker_choose_by_gpu KEPT: asks the application, in a container that sees the GPU and nothing else.
docker_choose_by_gpu() {
  local kept=$1 chosen name value given=()
  if [ -n "$(setting LLM_MODEL_NAME LLM_MODEL VLLM_MODEL)" ] && [ -n "$(setting VLLM_MAX_MODEL_LEN)" ]; then
    return
  fi
  for name in LLM_MODEL_NAME LLM_MODEL VLLM_MODEL VLLM_MAX_MODEL_LEN VLLM_GPU_MEMORY_UTILIZATION VLLM_MAX_NUM_SEQS \
    VLLM_TENSOR_PARALLEL_SIZE VLLM_QUANTIZATION VLLM_API_SERVERS VLLM_EXTRA_ARGS; do
    value=$(setting "$name")
    [ -z "$value" ] || given+=(--env "$name=$value")
  done
  chosen=$(docker run --rm --network none --read-only --gpus all,capabilities=utility \
    "${given[@]+"${given[@]}"}" ondol-app:0.1.0 python -m backend.llm.vllm_choice 2>"$DOCKER_LOG") ||
    fail "$(text docker_no_gpu "$(tail -n 1 "$DOCKER_LOG")")" "$(text docker_no_gpu_next)"
  while IFS='=' read -r name value; do
    if [ "$name" = VLLM_MODEL ] && [ -n "$(setting LLM_MODEL_NAME LLM_MODEL)" ]; then continue; fi
    [ -n "$(setting "$name")" ] || kept="$kept${kept:+$'\n'}$name=$value"
  done <<<"$chosen"
  docker_remember "$kept"
  say "  $(text docker_chosen "$(printf '%s' "$chosen" | tr '\n' ' ')")"
}

# docker_chosen: the lines between the marks.
docker_chosen() {
  [ ! -f "$ONDOL_ROOT/.env" ] || awk -v mark="$DOCKER_MARK" -v end="$DOCKER_END" \
    '$0 == mark { inside = 1; next } $0 == end { inside = 0 } inside' "$ONDOL_ROOT/.env"
}

# docker_forget: takes the marks and what is between them out of .env.
docker_forget() {
  [ -f "$ONDOL_ROOT/.env" ] || return 0
  docker_write_env "$(awk -v mark="$DOCKER_MARK" -v end="$DOCKER_END" \
    '$0 == mark { inside = 1 } !inside { print } $0 == end { inside = 0 }' "$ONDOL_ROOT/.env")"
}

# docker_remember LINES: at the end of .env, where they count most.
docker_remember() {
  local before
  docker_forget
  [ -n "$1" ] || return 0
  before=$(cat "$ONDOL_ROOT/.env" 2>/dev/null) || before=
  docker_write_env "${before:+$before$'\n'}$DOCKER_MARK"$'\n'"${1%$'\n'}"$'\n'"$DOCKER_END"
}

docker_write_env() {
  (umask 077 && printf '%s\n' "$1" >"$ONDOL_ROOT/.env.new")
  mv -f "$ONDOL_ROOT/.env.new" "$ONDOL_ROOT/.env"
}
