# shellcheck shell=bash
# What the ways without containers have in common: everything runs in one virtual environment, kept alive by supervisord.

# Measured: the environment takes 912 MB, what pip downloads for it 302 MB, and a part of that is kept a second time
# while it is built. The weights are checked by their fetcher.
NATIVE_INSTALL_MB=1500
NATIVE_REQUIREMENTS="$ONDOL_ROOT/requirements-local.txt"
# An environment that the operator keeps is used as it is and never changed.
NATIVE_VENV="${ONDOL_VENV:-$ONDOL_ROOT/.venv}"

native_install() {
  local folder=$NATIVE_VENV
  # A link to a volume stays one when the environment behind it is made again.
  if [ -L "$folder" ]; then folder=$(readlink "$folder"); fi
  if [ -n "${ONDOL_VENV:-}" ]; then
    check_given_environment "$NATIVE_VENV" "$NATIVE_REQUIREMENTS"
  else
    [ -e "$folder/bin/python" ] || require_space "$(dirname "$folder")" "$NATIVE_INSTALL_MB"
    prepare_environment "$folder" "$NATIVE_REQUIREMENTS"
  fi
  require_openmp "$NATIVE_VENV/bin/python"
}

# Becomes the attached process, so that a signal sent to this script reaches it.
way_attach() { exec "$NATIVE_VENV/bin/python" -m backend.supervision --language "$(ondol_language)" attach; }

way_status() {
  if ! native_installed; then
    say "$(text not_installed)"
    exit 1
  fi
  native_supervision status
}

way_logs() {
  if ! native_installed; then
    say "$(text not_installed)"
    exit 1
  fi
  native_supervision logs ${1:+"$1"}
}

way_stop() {
  if native_installed; then
    native_supervision stop
  else
    say "$(text not_installed)"
  fi
}

native_installed() { [ -x "$NATIVE_VENV/bin/python" ] && [ -d "$ONDOL_ROOT/var" ]; }

native_supervision() {
  "$NATIVE_VENV/bin/python" -m backend.supervision --language "$(ondol_language)" "$@"
}
