# shellcheck shell=bash
# A machine without containers: own virtual environment, everything kept alive by supervisord.

# Measured: the environment takes 912 MB, what pip downloads for it 302 MB, and a part of that is kept a second time
# while it is built. The weights are checked by their fetcher.
LAPTOP_INSTALL_MB=1500
LAPTOP_REQUIREMENTS="$ONDOL_ROOT/requirements-local.txt"
# An environment that the operator keeps is used as it is and never changed.
LAPTOP_VENV="${ONDOL_VENV:-$ONDOL_ROOT/.venv}"

way_install() {
  if [ -n "${ONDOL_VENV:-}" ]; then
    check_given_environment "$LAPTOP_VENV" "$LAPTOP_REQUIREMENTS"
  else
    [ -e "$LAPTOP_VENV/bin/python" ] || require_space "$ONDOL_ROOT" "$LAPTOP_INSTALL_MB"
    prepare_environment "$LAPTOP_VENV" "$LAPTOP_REQUIREMENTS"
  fi
  require_openmp "$LAPTOP_VENV/bin/python"
}

# way_start NEW_MODEL NEW_PORT
way_start() {
  set -- ${1:+--new-model} ${2:+--new-port}
  laptop_supervision start "$@" || exit $?
}

# Becomes the attached process, so that a signal sent to this script reaches it.
way_attach() { exec "$LAPTOP_VENV/bin/python" -m backend.supervision --language "$(ondol_language)" attach; }

way_status() {
  if ! laptop_installed; then
    say "$(text not_installed)"
    exit 1
  fi
  laptop_supervision status
}

way_logs() {
  if ! laptop_installed; then
    say "$(text not_installed)"
    exit 1
  fi
  laptop_supervision logs ${1:+"$1"}
}

way_stop() {
  if laptop_installed; then
    laptop_supervision stop
  else
    say "$(text not_installed)"
  fi
}

laptop_installed() { [ -x "$LAPTOP_VENV/bin/python" ] && [ -d "$ONDOL_ROOT/var/run" ]; }

laptop_supervision() {
  "$LAPTOP_VENV/bin/python" -m backend.supervision --language "$(ondol_language)" "$@"
}
