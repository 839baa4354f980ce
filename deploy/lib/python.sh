# shellcheck shell=bash
# Finds a Python that Ondol runs on, and gets what Debian and Ubuntu leave out of theirs.

is_recent_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_environments() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# candidates: every Python worth asking, the preferred ones first.
# A pyenv shim answers only for the version that is switched on, so pyenv's own folders are read too.
candidates() {
  local name path
  if [ -n "${ONDOL_PYTHON:-}" ]; then
    echo "$ONDOL_PYTHON"
    return
  fi
  for name in python3.13 python3.12 python3.11 python3 python; do
    type -aP "$name" 2>/dev/null || true
  done
  for path in "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/3.1[1-3].*/bin/python3 \
    /opt/homebrew/bin/python3 /usr/local/bin/python3; do
    [ ! -x "$path" ] || echo "$path"
  done
}

# find_python: prints the first Python ≥ 3.11 that can make environments, else the first ≥ 3.11, else nothing.
find_python() {
  local path second=
  while IFS= read -r path; do
    is_recent_python "$path" || continue
    if makes_environments "$path"; then
      echo "$path"
      return
    fi
    [ -n "$second" ] || second=$path
  done < <(candidates)
  [ -z "$second" ] || echo "$second"
}

# require_python: sets PYTHON, or says what to install and ends.
require_python() {
  PYTHON=$(find_python)
  if [ -z "$PYTHON" ] && [ -z "${ONDOL_PYTHON:-}" ]; then
    apt_install python3 python3-venv && PYTHON=$(find_python)
  fi
  [ -n "$PYTHON" ] || fail "$(text no_python "$(versions_found)")" "$(text no_python_next "$(python_advice)")"
  makes_environments "$PYTHON" && return
  local package
  package=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  apt_install "$package" || true
  makes_environments "$PYTHON" || fail "$(text no_venv "$PYTHON")" "$(text no_venv_next "$package")"
}

# require_certificates: without them nothing can be fetched over https (minimal Debian images have none).
require_certificates() {
  if [ -d /etc/ssl ] && [ ! -e /etc/ssl/certs/ca-certificates.crt ] && [ ! -e /etc/ssl/cert.pem ]; then
    apt_install ca-certificates || true
  fi
}

# require_openmp PYTHON: llama.cpp computes with the system's OpenMP, which minimal images lack.
require_openmp() {
  [ "$(uname)" = Linux ] || return 0
  loads_openmp "$1" || apt_install libgomp1 || true
  loads_openmp "$1" || fail "$(text no_openmp)" "$(text no_openmp_next)"
}

loads_openmp() { "$1" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; }

# apt_install PACKAGES...: as root on Debian or Ubuntu; says so. Fails elsewhere.
apt_install() {
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
  local log="$ONDOL_ROOT/var/logs/apt.log"
  mkdir -p "${log%/*}"
  run_shown "$(text apt "$*")" "$log" apt_commands "$@"
}

apt_commands() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$@" && return
  apt-get update && apt-get install -y --no-install-recommends "$@"
}

versions_found() {
  local path list=
  while IFS= read -r path; do
    list="$list${list:+, }$path $("$path" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo '?')"
  done < <(candidates)
  echo "${list:-$(text none)}"
}

python_advice() {
  if [ "$(uname)" = Darwin ]; then
    echo 'brew install python@3.13'
  elif command -v apt-get >/dev/null; then
    echo 'sudo apt-get install python3.11 python3.11-venv'
  elif command -v dnf >/dev/null; then
    echo 'sudo dnf install python3.12'
  else
    echo 'https://www.python.org/downloads/'
  fi
}
