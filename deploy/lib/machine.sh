# shellcheck shell=bash
# What kind of machine this is, and whether it has room.

# detect_way: docker, pod or laptop (the ways of deploy/ways/).
detect_way() {
  if has_gpu && has_docker; then
    echo docker
  elif [ -n "${RUNPOD_POD_ID:-}" ] && has_gpu; then
    echo pod
  else
    echo laptop
  fi
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

# A daemon that hangs must not hang us.
has_docker() {
  command -v docker >/dev/null || return 1
  if command -v timeout >/dev/null; then
    timeout 5 docker info >/dev/null 2>&1
  else
    docker info >/dev/null 2>&1
  fi
}

# require_space FOLDER MEGABYTES
require_space() {
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge "$2" ] || fail "$(text no_disk "$1" "$2" "$free")" "$(text no_disk_next)"
}

# require_writable FOLDER
require_writable() {
  { mkdir -p "$1" 2>/dev/null && [ -w "$1" ]; } || fail "$(text read_only "$1")" "$(text read_only_next)"
}
