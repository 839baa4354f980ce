#!/usr/bin/env bash
# Uses the GPU of a pod from this machine: ./deploy/tunnel.sh USER@HOST -p PORT [options]
#
#   -p PORT, --port PORT   SSH port of the pod (default 22)
#   -i FILE                private key for ssh
#   --embed-port PORT      port here for the pod's embedding server, 8001 there (default 18001)
#   --llm-port PORT        port here for the pod's language model, 8000 there (default 18000)
#   --wait SECONDS         how long both are waited for before the settings are shown (default 60)
#
# Stays until Ctrl-C and connects again when the connection is lost.
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
for part in output messages; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done

usage_of_tunnel() { sed -n '2,10s/^# \{0,1\}//p' "$ONDOL_ROOT/deploy/tunnel.sh"; }

wrong_tunnel_use() {
  printf '%s\n\n' "$1" >&2
  usage_of_tunnel >&2
  exit 2
}

# require_number OPTION VALUE HIGHEST
require_number() {
  case $2 in
    '' | *[!0-9]* | ??????*) wrong_tunnel_use "$(text tunnel_bad_number "$1" "$2")" ;;
  esac
  { [ "$2" -ge 1 ] && [ "$2" -le "$3" ]; } || wrong_tunnel_use "$(text tunnel_bad_number "$1" "$2")"
}

target='' port=22 key='' embed=18001 llm=18000 patience=60
while [ $# -gt 0 ]; do
  case $1 in
    -p | --port | -i | --embed-port | --llm-port | --wait)
      [ $# -ge 2 ] || wrong_tunnel_use "$(text needs_value "$1")"
      case $1 in
        -i) key=$2 ;;
        --wait) require_number "$1" "$2" 86400 ;;
        *) require_number "$1" "$2" 65535 ;;
      esac
      case $1 in
        -p | --port) port=$2 ;;
        --embed-port) embed=$2 ;;
        --llm-port) llm=$2 ;;
        --wait) patience=$2 ;;
      esac
      shift
      ;;
    -h | --help)
      usage_of_tunnel
      exit
      ;;
    -*) wrong_tunnel_use "$(text bad_option "$1")" ;;
    *)
      [ -z "$target" ] || wrong_tunnel_use "$(text bad_option "$1")"
      target=$1
      ;;
  esac
  shift
done
[ -n "$target" ] || wrong_tunnel_use "$(text tunnel_no_host)"
for program in ssh curl; do
  command -v "$program" >/dev/null || fail "$(text tunnel_no_program "$program")" "$(text tunnel_no_program_next "$program")"
done

# listening PORT: whether somebody listens there on this machine.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for local_port in "$embed" "$llm"; do
  ! listening "$local_port" || fail "$(text tunnel_port_taken "$local_port")" "$(text tunnel_port_taken_next)"
done

connection='' nap=''
stop_children() {
  local child
  for child in $connection $nap; do
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
}
trap stop_children EXIT
trap 'say "$(text tunnel_closed)"; exit 130' INT
trap 'say "$(text tunnel_closed)"; exit 143' TERM HUP

# pause_for SECONDS: in the background, so that a signal is heard at once.
pause_for() {
  sleep "$1" &
  nap=$!
  wait "$nap" || true
  nap=''
}

# connect: ssh in the background. A forward that fails ends it, and so does a pod that has not answered for 45 seconds.
connect() {
  ssh -N -T -p "$port" ${key:+-i "$key"} \
    -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 -o ServerAliveCountMax=3 -o ConnectTimeout=15 \
    -L "127.0.0.1:$embed:127.0.0.1:8001" -L "127.0.0.1:$llm:127.0.0.1:8000" "$target" &
  connection=$!
}

connected() { kill -0 "$connection" 2>/dev/null; }

# answers PORT: whether the server behind it is ready.
answers() {
  [ "$(curl --silent --noproxy '*' --max-time 5 --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$1/health" || true)" = 200 ]
}

# state PORT: ready or waiting, in the reader's language.
state() {
  if answers "$1"; then
    text tunnel_ready
  else
    text tunnel_waiting
  fi
}

show_settings() {
  say ""
  say "$(text tunnel_settings)"
  say "  REMOTE_EMBED_URL=http://127.0.0.1:$embed"
  say "  LLM_SERVICE_TYPE=vllm"
  say "  VLLM_SERVER_URL=http://127.0.0.1:$llm"
  say "  LLM_API_KEY="
  say "$(text tunnel_key)"
  say ""
  say "$(text tunnel_stay)"
}

# watch: tells what the two servers do as long as the connection lasts.
watch() {
  local begun=$SECONDS told='' now
  while connected; do
    if [ -z "$stood" ] && ! listening "$embed"; then # ssh listens once the pod has let it in
      pause_for 0.2
      continue
    fi
    stood=yes
    now="$(text tunnel_state "$(state "$embed")" "$(state "$llm")")"
    if [ "$now" != "$told" ] && connected; then
      say "  $now"
      told=$now
    fi
    if [ -z "$shown" ] && connected; then
      if { answers "$embed" && answers "$llm"; } || [ $((SECONDS - begun)) -ge "$patience" ]; then
        show_settings
        shown=yes
      fi
    fi
    pause_for 1
  done
}

shown='' stood='' pause=1
while true; do
  say "$(text tunnel_connecting "$target" "$port")"
  begun=$SECONDS
  connect
  watch
  status=0
  wait "$connection" || status=$?
  connection=''
  # A first connection that never stood is a wrong name, key or port, which trying again does not mend.
  [ -n "$stood" ] || fail "$(text tunnel_failed "$target" "$status")" "$(text tunnel_failed_next)"
  [ $((SECONDS - begun)) -lt 60 ] || pause=1
  say "$(text tunnel_lost "$pause")"
  pause_for "$pause"
  pause=$((pause * 2 > 30 ? 30 : pause * 2))
done
