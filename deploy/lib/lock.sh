# shellcheck shell=bash
# One start or stop at a time in a checkout. The lock is the kernel's (it ends with the process that holds it) and
# is taken on file descriptor 9 by whatever can: flock, or any Python.

take_lock() {
  mkdir -p "$ONDOL_ROOT/var"
  exec 9<>"$ONDOL_ROOT/var/quick_start.lock"
  if ! lock_descriptor; then
    fail "$(text busy "$(cat <&9)")" "$(text busy_next)"
  fi
  echo "$$" >"$ONDOL_ROOT/var/quick_start.lock"
}

release_lock() { exec 9>&-; }

lock_descriptor() {
  local python
  if command -v flock >/dev/null; then
    flock -n 9
    return
  fi
  python=$(find_python)
  [ -n "$python" ] || return 0 # nothing can go on without Python anyway; that is told next
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null
}
