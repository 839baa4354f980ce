# shellcheck shell=bash
# What vLLM is started with: chosen once by the GPU and kept in .env between two marks, where it can be changed.

DOCKER_MARK='# --- chosen by quick_start.sh for this GPU; change what you like, or delete it all to choose again ---'
DOCKER_END='# --- end of what was chosen ---'

# docker_choose NEW_MODEL NEW_PORT: nothing of the operator's own lines is changed; an option of now beats all of them.
docker_choose() {
  local model=$1 kept
  kept=$(docker_chosen)
  if docker_runs_vllm; then
    [ -z "$model" ] || model=$(hub_model "$model") || exit 1
    # Remembered from another way on this machine.
    [ -z "${LLM_MODEL_NAME:-}" ] || LLM_MODEL_NAME=$(hub_model "$LLM_MODEL_NAME") || exit 1
  fi
  if [ -n "$model" ]; then
    export LLM_MODEL_NAME=$model
    # What was chosen fitted the model before.
    kept=$(printf '%s\n' "$kept" | grep '^GRADIO_SERVER_PORT=' || true)
    kept="$kept${kept:+$'\n'}LLM_MODEL_NAME=$model"
  fi
  if [ -n "$2" ]; then
    kept=$(printf '%s\n' "$kept" | grep -v '^GRADIO_SERVER_PORT=' || true)
    kept="$kept${kept:+$'\n'}GRADIO_SERVER_PORT=$2"
  fi
  [ -z "$model$2" ] || docker_remember "$kept"
  if docker_runs_vllm; then
    docker_choose_by_gpu "$kept"
  elif [ -z "$(setting LLM_MODEL_NAME LLM_MODEL VLLM_MODEL)" ]; then
    fail "$(text docker_no_model)" "$(text docker_no_model_next)"
  fi
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
  before=$(cat "$ONDOL_ROOT/.env" 2>/dev/null) || before=
  docker_write_env "${before:+$before$'\n'}$DOCKER_MARK"$'\n'"${1%$'\n'}"$'\n'"$DOCKER_END"
}

docker_write_env() {
  (umask 077 && printf '%s\n' "$1" >"$ONDOL_ROOT/.env.new")
  mv -f "$ONDOL_ROOT/.env.new" "$ONDOL_ROOT/.env"
}
