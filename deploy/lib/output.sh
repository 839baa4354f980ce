# shellcheck shell=bash
# How the scripts speak: one line for a fact, a live line for a wait, three lines for a failure.

ondol_language() {
  case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    ko*) echo ko ;;
    *) echo en ;;
  esac
}

say() { printf '%s\n' "$*"; }

# fail WHAT NEXT: what happened and why, what to do now; ends the script.
fail() {
  printf '\n✗ %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

# clear_line: forgets the live line, where there is one.
clear_line() { if [ -t 1 ]; then printf '\r\033[K'; fi; }

# run_shown LABEL LOG COMMAND...: runs a command with its output in LOG and shows that time passes.
# On a terminal one line is rewritten; elsewhere (a log file, CI) a line is added every ten seconds.
run_shown() {
  local label=$1 log=$2 begun=$SECONDS last=0 status=0 elapsed
  shift 2
  "$@" >"$log" 2>&1 </dev/null &
  ONDOL_CHILD=$!
  while kill -0 "$ONDOL_CHILD" 2>/dev/null; do
    elapsed=$((SECONDS - begun))
    if [ -t 1 ]; then
      printf '\r\033[K  … %s %ds%s' "$label" "$elapsed" "$(install_progress "$log")"
    elif [ $((elapsed - last)) -ge 10 ]; then
      last=$elapsed
      say "  … $label ${elapsed}s$(install_progress "$log")"
    fi
    sleep 0.5
  done
  wait "$ONDOL_CHILD" || status=$?
  ONDOL_CHILD=
  clear_line
  [ "$status" -ne 0 ] || say "  ✓ $label ($((SECONDS - begun))s)"
  return "$status"
}

# install_progress LOG: how far pip is, from what it wrote.
install_progress() {
  local found downloaded
  found=$(grep -c '^Collecting ' "$1" 2>/dev/null) || true
  [ "${found:-0}" -gt 0 ] || return 0
  downloaded=$(grep -cE '^ *(Downloading|Using cached) [^ ]+\.(whl|tar\.gz) ' "$1" 2>/dev/null) || true
  if grep -q '^Installing collected packages' "$1" 2>/dev/null; then
    text progress_installing "$found"
  else
    text progress_collecting "$found" "${downloaded:-0}"
  fi
}

# stop_child: ends the command that run_shown started; for traps.
stop_child() {
  if [ -n "${ONDOL_CHILD:-}" ]; then
    kill "$ONDOL_CHILD" 2>/dev/null || true
    wait "$ONDOL_CHILD" 2>/dev/null || true
  fi
}
