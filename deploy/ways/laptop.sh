# shellcheck shell=bash
# A machine without containers and without a GPU of its own: the model runs on the CPU.

# shellcheck source=/dev/null
. "$ONDOL_ROOT/deploy/lib/native.sh"

way_small_model() { echo qwen2.5-coder-0.5b-instruct; }

way_install() { native_install; }

# way_start NEW_MODEL NEW_PORT
way_start() {
  set -- ${1:+--new-model} ${2:+--new-port}
  native_supervision start "$@" || exit $?
}
