# shellcheck shell=bash
# One start or stop at a time in a checkout. The lock is the kernel's (it ends with the process that holds it) and
# is taken on a file descriptor by whatever can: flock, or any Python.

take_lock() {
  mkdir -p "$ONDOL_ROOT/var"
  exec 9<>"$ONDOL_ROOT/var/quick_start.lock"
  if ! lock_descriptor 9; then
    fail "$(text busy "$(cat <&9)")" "$(text busy_next)"
  fi
  echo "$$" 2>/dev/null >"$ONDOL_ROOT/var/quick_start.lock" || true # for people; a full disk must not keep us from stopping
}

# take_moving_lock: for a start that moves `var`, where the other lock lies.
take_moving_lock() {
  exec 8<"$ONDOL_ROOT/quick_start.sh"
  lock_descriptor 8 || fail "$(text busy "$(cat "$ONDOL_ROOT/var/quick_start.lock" 2>/dev/null)")" "$(text busy_next)"
}

release_lock() { exec 8>&- 9>&-; }

# lock_descriptor NUMBER
lock_descriptor() {
  local python
  if command -v flock >/dev/null; then
    flock -n "$1"
    return
  fi
  python=$(find_python)
  [ -n "$python" ] || return 0 # nothing can go on without Python anyway; that is told next
  "$python" -c 'import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$1" 2>/dev/null
}
