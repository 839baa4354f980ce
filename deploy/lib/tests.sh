# shellcheck shell=bash
# What the tests need beside the system itself: development packages and a browser.

# Free disk space for the environment of the tests. With PyTorch's build for the CPU it is 2.4 GB; the build that PyPI
# gives Linux by default brings CUDA libraries of several GB more.
TESTS_INSTALL_MB=6000

# prepare_tests: sets TEST_PYTHON, and CHROMIUM where the browser is not Playwright's own.
prepare_tests() {
  local venv="${ONDOL_VENV:-$ONDOL_ROOT/.venv}"
  require_writable "$ONDOL_ROOT/var/logs"
  if [ -n "${ONDOL_VENV:-}" ]; then
    check_given_environment "$venv" "$ONDOL_ROOT/requirements-dev.txt"
  else
    [ -e "$venv/bin/python" ] || require_space "$ONDOL_ROOT" "$TESTS_INSTALL_MB"
    prepare_environment "$venv" "$ONDOL_ROOT/requirements-dev.txt"
  fi
  TEST_PYTHON="$venv/bin/python"
  require_openmp "$TEST_PYTHON"
  # Nice to have: without them the checks of the scripts are skipped, and pictures of pages show no Hangul.
  command -v shellcheck >/dev/null || apt_install shellcheck || true
}

prepare_browser() {
  local log="$ONDOL_ROOT/var/logs/chromium.log"
  has_korean_font || apt_install fonts-noto-cjk || true
  find_chromium && return
  if is_debian && apt_install chromium && find_chromium; then return; fi
  # As root Playwright may install the libraries the browser needs; others are told by it which are missing.
  local with_libraries=()
  [ "$(id -u)" -ne 0 ] || with_libraries=(--with-deps)
  run_shown "$(text chromium)" "$log" "$TEST_PYTHON" -m playwright install "${with_libraries[@]}" chromium &&
    find_chromium && return
  apt_install chromium && find_chromium && return
  fail "$(text no_chromium)" "$(text no_chromium_next "$log")"
}

# find_chromium: the tests look in the same order (CHROMIUM, the system's, Playwright's own).
find_chromium() {
  local path
  for path in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/google-chrome; do
    if [ -n "$path" ] && [ -x "$path" ]; then
      export CHROMIUM=$path
      return
    fi
  done
  unset CHROMIUM
  path=$("$TEST_PYTHON" -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    print(p.chromium.executable_path)' 2>/dev/null) && [ -x "$path" ]
}

# Ubuntu's chromium package is a stub that needs snapd, which containers do not have.
is_debian() { grep -q '^ID=debian' /etc/os-release 2>/dev/null; }

has_korean_font() { command -v fc-list >/dev/null && [ -n "$(fc-list :lang=ko family 2>/dev/null)" ]; }
