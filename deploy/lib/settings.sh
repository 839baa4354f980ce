# shellcheck shell=bash
# Settings as the environment and .env have them, for the ways that decide before Python is there.

# setting NAMES...: the first that is set, in the environment or in .env; as Compose reads simple lines of it.
setting() {
  local name value
  for name in "$@"; do
    value=${!name:-}
    if [ -z "$value" ] && [ -f "$ONDOL_ROOT/.env" ]; then
      value=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}${name}[[:space:]]*=[[:space:]]*//p" "$ONDOL_ROOT/.env" | tail -n 1)
      case $value in
        \"*\"*) value=${value#\"} value=${value%%\"*} ;;
        \'*\'*) value=${value#\'} value=${value%%\'*} ;;
        *) value=$(printf '%s' "$value" | sed 's/[[:space:]]\{1,\}#.*$//; s/[[:space:]]*$//') ;;
      esac
    fi
    if [ -n "$value" ]; then
      printf '%s\n' "$value"
      return
    fi
  done
}

# is_set NAMES...: whether one of them has a value.
is_set() { [ -n "$(setting "$@")" ]; }

# hub_model NAME: a model of the hub. Names of the laptop's manifest stand for the same model, not quantised.
hub_model() {
  case $1 in
    */*) echo "$1" ;;
    qwen2.5-coder-0.5b-instruct) echo Qwen/Qwen2.5-Coder-0.5B-Instruct ;;
    qwen2.5-coder-1.5b-instruct) echo Qwen/Qwen2.5-Coder-1.5B-Instruct ;;
    *) fail "$(text docker_bad_model "$1")" "$(text docker_bad_model_next)" ;;
  esac
}
