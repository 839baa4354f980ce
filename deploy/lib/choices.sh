# shellcheck shell=bash
# Options that later starts remember (var/quick_start.env). An option beats the environment, which beats what
# was remembered, which beats .env.

# use_choices MODEL PORT: exports what was chosen now or earlier; empty means not chosen now. A way with the function
# way_model has its own names for models.
use_choices() {
  export_choices "$1" "$2"
  if declare -F way_model >/dev/null; then way_model; fi
}

export_choices() {
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

# chosen NAME: what was remembered for it; nothing when nothing was.
chosen() { sed -n "s/^$1=//p" "$ONDOL_ROOT/var/quick_start.env" 2>/dev/null || true; }

# current_way WAY: the one that was asked for, now or earlier; else the one that people's data were made with; else the
# one of this machine.
current_way() {
  local way=${1:-$(chosen ONDOL_WAY)}
  case $way in
    '') if stays_laptop; then echo laptop; else detect_way; fi ;;
    auto) detect_way ;;
    *) echo "$way" ;;
  esac
}

# stays_laptop: whether this host could run containers, and has run Ondol without: its database is not theirs.
stays_laptop() {
  [ ! -L "$ONDOL_ROOT/var" ] && { [ -d "$ONDOL_ROOT/var/postgres" ] || [ -f "$ONDOL_ROOT/var/run/running.json" ]; } &&
    [ "$(detect_way)" = docker ]
}

# choose NAME VALUE: remembers it in place of what was remembered before.
choose() {
  local file="$ONDOL_ROOT/var/quick_start.env"
  [ "$(chosen "$1")" != "$2" ] || return 0
  { [ ! -f "$file" ] || sed "/^$1=/d" "$file"; } >"$file.new"
  echo "$1=$2" >>"$file.new"
  mv "$file.new" "$file"
}
