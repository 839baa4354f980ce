#!/usr/bin/env bash
# Process 1 of the pod image. A pod starts anew when this ends, so it ends only when it is asked to: a start that fails
# (a wrong setting, a full disk) is told on the page's port and tried again.
set -uo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$ONDOL_ROOT" || exit 1
for part in output messages machine python; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done

RETRY_S="${ONDOL_RETRY_S:-15}"
PORT="${GRADIO_SERVER_PORT:-7860}"
ERRORS=$(mktemp)
start='' page='' nap='' asked=''

# let_in: sshd for the key that RunPod hands in, for this key alone. As root only, and never in the way of the page.
let_in() {
  [ -n "${PUBLIC_KEY:-}" ] || return 0
  local folder="$HOME/.ssh"
  mkdir -p "$folder" && chmod 700 "$folder"
  grep -qsxF "$PUBLIC_KEY" "$folder/authorized_keys" || printf '%s\n' "$PUBLIC_KEY" >>"$folder/authorized_keys"
  chmod 600 "$folder/authorized_keys"
  command -v sshd >/dev/null || apt_install openssh-server || true
  command -v sshd >/dev/null || { say "! $(text pod_no_sshd)"; return 0; }
  ssh-keygen -A >/dev/null 2>&1
  mkdir -p /run/sshd 2>/dev/null
  "$(command -v sshd)" -o PasswordAuthentication=no -o PermitRootLogin=prohibit-password || say "! $(text pod_no_sshd)"
}

# tell_shells: what the container was started with, for people who come in by SSH; readable by root alone.
tell_shells() {
  { [ "$$" -eq 1 ] && [ -w /etc/profile.d ]; } || return 0
  local name
  (
    umask 077
    for name in $(compgen -e); do
      case $name in HOME | PWD | OLDPWD | SHLVL | TERM | HOSTNAME | _ | PUBLIC_KEY) continue ;; esac
      printf 'export %s=%q\n' "$name" "${!name}"
    done >/etc/profile.d/ondol.sh
  )
}

# leave: ends what was started, on every signal that asks for it.
leave() {
  [ -z "$asked" ] || return 0
  asked=yes
  [ -z "$start" ] || kill -TERM -- "-$start" 2>/dev/null
  [ -z "$nap" ] || kill "$nap" 2>/dev/null
}

hide_page() {
  [ -n "$page" ] || return 0
  kill "$page" 2>/dev/null
  wait "$page" 2>/dev/null
  page=''
}

trap leave TERM INT HUP
let_in &
tell_shells
set -m # each start is a process group, so that all of it hears of the end
while [ -z "$asked" ]; do
  hide_page
  ./quick_start.sh --way pod --foreground 2> >(tee "$ERRORS" >&2) &
  start=$!
  status=0
  wait "$start" || status=$?
  if [ -n "$asked" ]; then
    wait "$start" 2>/dev/null
    break
  fi
  start=''
  say "$(text pod_start_failed "$status" "$RETRY_S")"
  python3 deploy/failure_page.py "$PORT" "$ERRORS" &
  page=$!
  sleep "$RETRY_S" &
  nap=$!
  wait "$nap" 2>/dev/null
  nap=''
done
hide_page
./quick_start.sh --way pod --stop || true # a start that was cut short may have left its services
rm -f "$ERRORS"
