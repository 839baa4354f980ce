# shellcheck shell=bash
# Whether this host can run docker-compose.yml: Docker, Compose, the NVIDIA Container Toolkit, the driver, disk.

DOCKER_COMPOSE_FROM=2.24 # `env_file` with `required`
DOCKER_DRIVER_FROM=580   # CUDA 13, which the pinned image of vLLM is built for
# An estimate: vLLM's image 25 GB unpacked, ours 12, a model of 7 billion parameters 15, the encoder 2.
DOCKER_SPACE_MB=55000

docker_require_compose() {
  local version
  docker info >/dev/null 2>&1 || fail "$(text docker_no_engine)" "$(text docker_no_engine_next)"
  version=$(docker compose version --short 2>/dev/null) || version=
  [ -n "$version" ] || fail "$(text docker_no_compose)" "$(text docker_compose_next)"
  is_at_least "$version" "$DOCKER_COMPOSE_FROM" ||
    fail "$(text docker_old_compose "$version" "$DOCKER_COMPOSE_FROM")" "$(text docker_compose_next)"
}

# docker_require_gpu: an image of the operator's own (VLLM_IMAGE) may be built for an older driver.
docker_require_gpu() {
  local driver
  if ! docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q nvidia &&
    ! command -v nvidia-ctk >/dev/null && ! command -v nvidia-container-cli >/dev/null; then
    fail "$(text docker_no_toolkit)" "$(text docker_no_toolkit_next)"
  fi
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)
  if [ -n "$driver" ] && ! is_at_least "$driver" "$DOCKER_DRIVER_FROM" && [ -z "$(setting VLLM_IMAGE)" ]; then
    fail "$(text docker_old_driver "$driver" "$DOCKER_DRIVER_FROM")" "$(text docker_old_driver_next)"
  fi
}

# docker_require_space: before the first download only. Where Docker keeps its images may not be ours to look at.
docker_require_space() {
  local folder
  [ -z "$(docker volume ls --quiet --filter name='^ondol_models$' 2>/dev/null)" ] || return 0
  folder=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || return 0
  [ -n "$folder" ] && df -Pk "$folder" >/dev/null 2>&1 || return 0
  require_space "$folder" "$DOCKER_SPACE_MB"
}

# is_at_least VERSION WANTED: compares the first two numbers, `v2.24.1` or `580.65.06`.
is_at_least() {
  local major minor wanted_major wanted_minor rest
  IFS=. read -r major minor rest <<<"${1#v}"
  IFS=. read -r wanted_major wanted_minor rest <<<"$2"
  major=${major%%[!0-9]*} minor=${minor:-0} wanted_minor=${wanted_minor:-0}
  minor=${minor%%[!0-9]*}
  [ "${major:-0}" -gt "$wanted_major" ] || { [ "${major:-0}" -eq "$wanted_major" ] && [ "$((10#${minor:-0}))" -ge "$wanted_minor" ]; }
}
