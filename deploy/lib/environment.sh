# shellcheck shell=bash
# Makes a virtual environment that holds exactly the pinned packages, and knows cheaply that it already does.

# prepare_environment FOLDER REQUIREMENTS: nothing to do takes well under a second.
# An install that was cut short leaves its marker behind; such an environment is made again, because pip would
# take half-unpacked packages for installed ones.
prepare_environment() {
  local folder=$1 requirements=$2 stamp marker
  forget_other_environments
  stamp="$folder/.ondol-$(basename "$requirements" .txt)"
  marker="$folder/.ondol-installing"
  if [ -e "$folder" ] && [ ! -e "$folder/pyvenv.cfg" ] && [ ! -e "$marker" ] && [ -n "$(ls -A "$folder")" ]; then
    fail "$(text not_ours "$folder")" "$(text not_ours_next)"
  fi
  if [ -e "$folder/pyvenv.cfg" ] && { [ -e "$marker" ] || ! is_recent_python "$folder/bin/python" || ! is_same_python "$folder"; } || [ -e "$marker" ]; then
    say "  $(text rebuild)"
    rm -rf "$folder"
  fi
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$(requirements_hash "$requirements")" ] &&
    [ -z "$("$folder/bin/python" "$ONDOL_ROOT/deploy/pins.py" "$requirements")" ]; then
    return
  fi
  install_environment "$folder" "$requirements" "$marker"
  requirements_hash "$requirements" >"$stamp"
}

# forget_other_environments: an environment that is switched on around us (vLLM's, in its image) is neither looked into
# nor written to: through PYTHONPATH pip would take its packages for installed, and these variables of pip's
# would have it install there. Where packages come from (PIP_INDEX_URL, PIP_CERT, …) stays as it is.
forget_other_environments() {
  unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONUSERBASE PIP_PYTHON PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER \
    PIP_REQUIREMENT PIP_EDITABLE PIP_CONSTRAINT PIP_NO_DEPS PIP_DRY_RUN PIP_REQUIRE_VIRTUALENV
}

# is_same_python FOLDER: whether the Python behind an environment is still the version it was made with. On a volume it
# meets the Python of another image, which does not look where its packages are.
is_same_python() {
  local made now
  made=$(sed -n 's/^version *= *\([0-9]*\.[0-9]*\).*/\1/p' "$1/pyvenv.cfg")
  now=$("$1/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
  [ -z "$made" ] || [ "$made" = "$now" ]
}

# check_given_environment FOLDER REQUIREMENTS: an environment of the operator's own is used as it is, never changed.
check_given_environment() {
  local missing
  missing=$("$1/bin/python" "$ONDOL_ROOT/deploy/pins.py" "$2" 2>&1) || missing="${missing:-$1/bin/python}"
  [ -z "$missing" ] || fail "$(text given_venv "$1" "$(echo "$missing" | head -5 | tr '\n' ' ')")" "$(text given_venv_next "$2")"
}

install_environment() {
  local folder=$1 requirements=$2 marker=$3 log="$ONDOL_ROOT/var/logs/install.log"
  mkdir -p "$folder" "${log%/*}"
  require_python
  require_certificates
  : >"$marker"
  if [ ! -e "$folder/pyvenv.cfg" ] || [ ! -x "$folder/bin/pip" ]; then
    run_shown "$(text making_venv)" "$log" "$PYTHON" -m venv "$folder" || install_failed "$log"
  fi
  run_shown "$(text installing)" "$log" "$folder/bin/python" -m pip install --disable-pip-version-check --no-input \
    --progress-bar off --retries 3 -r "$requirements" || install_failed "$log"
  rm -f "$marker"
}

install_failed() {
  local log=$1
  if grep -q 'CERTIFICATE_VERIFY_FAILED' "$log"; then
    fail "$(text pip_certificate)" "$(text pip_certificate_next "$log")"
  fi
  if grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable' "$log"; then
    fail "$(text pip_network)" "$(text pip_network_next "$log")"
  fi
  if grep -q 'No space left on device' "$log"; then
    require_space "$ONDOL_ROOT" 1500
  fi
  fail "$(text pip_failed "$(grep -iE '^error' "$log" | tail -1)")" "$(text pip_failed_next "$log")"
}

# requirements_hash FILE: changes when the file, what it includes or the constraints change.
requirements_hash() { cat "$(dirname "$1")"/requirements-*.txt "$ONDOL_ROOT/constraints.txt" | cksum; }
