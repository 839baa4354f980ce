# shellcheck shell=bash
# Options that later starts remember (var/quick_start.env). An option beats the environment, which beats what
# was remembered, which beats .env.

# use_choices MODEL PORT: exports what was chosen now or earlier; empty means not chosen now.
use_choices() {
  local name value
  if [ -n "$1" ]; then export LLM_MODEL_NAME=$1; fi
  if [ -n "$2" ]; then export GRADIO_SERVER_PORT=$2; fi
  [ -f "$ONDOL_ROOT/var/quick_start.env" ] || return 0
  while IFS='=' read -r name value; do
    case $name in
      LLM_MODEL_NAME)
        [ -n "${LLM_MODEL_NAME:-}${LLM_MODEL:-}${VLLM_MODEL:-}${LLM_GGUF:-}" ] || export LLM_MODEL_NAME=$value
        ;;
      GRADIO_SERVER_PORT)
        [ -n "${GRADIO_SERVER_PORT:-}${GRADIO_PORT:-}" ] || export GRADIO_SERVER_PORT=$value
        ;;
    esac
  done <"$ONDOL_ROOT/var/quick_start.env"
}
