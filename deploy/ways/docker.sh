# shellcheck shell=bash
# A host with Docker and an NVIDIA GPU: the containers of docker-compose.yml.

DOCKER_LOG="$ONDOL_ROOT/var/logs/docker.log"
DOCKER_PATIENCE_S=9000 # two downloads, one after the other, of an hour each

for part in settings docker_checks docker_secrets docker_choice docker_lowering; do
  # shellcheck source=/dev/null
  . "$ONDOL_ROOT/deploy/lib/$part.sh"
done

way_install() {
  mkdir -p "${DOCKER_LOG%/*}"
  docker_require_compose
  docker_require_gpu
  docker_require_space
  docker_make_secrets
  docker_open_files
  run_shown "$(text docker_building)" "$DOCKER_LOG" docker_compose_as_it_is build app embedding ||
    fail "$(text docker_build_failed "$(tail -n 1 "$DOCKER_LOG")")" "$(text docker_build_failed_next "$DOCKER_LOG")"
}

# way_start NEW_MODEL NEW_PORT: comes back when every container is healthy.
way_start() {
  local url status=0 states try
  docker_choose "${1:-}" "${2:-}"
  url=$(docker_url)
  for try in 1 2 3 4 5; do
    status=0
    docker_up "$url" || status=$?
    if [ "$status" -ne "$DOCKER_ENDED" ] || [ "$try" -eq 5 ]; then break; fi
    docker_lower
  done
  clear_line
  if [ "$status" -ne 0 ]; then
    states=$(docker_states)
    ! docker_shows_page "$states" || say "  $(text docker_page "$url")"
    fail "$(text docker_not_ready "$(docker_unready "$states")")" "$(text docker_not_ready_next "$DOCKER_LOG")"
  fi
  say ""
  say "✓ $(text docker_ready "$url")"
  say "  $(text docker_password)"
  say "  $(text docker_stop)"
}

way_small_model() { echo Qwen/Qwen2.5-Coder-0.5B-Instruct; }

# Becomes the attached process, so that a signal sent to this script reaches it; Compose then stops the containers.
way_attach() {
  cd -- "$ONDOL_ROOT" || exit
  docker_export_engine
  docker_bind
  exec docker compose up --no-build --no-recreate
}

# way_status: exit status 0 when every container that should run is healthy.
way_status() {
  docker_compose_as_it_is ps --all
  [ -z "$(docker_unready "$(docker_states)")" ] || exit 1
}

# way_logs [SERVICE]: names of the other ways are understood.
way_logs() {
  local service=${1:-} follow=()
  case $service in
    llm) service=vllm-server ;;
    database) service=db ;;
    install | docker)
      cat "$DOCKER_LOG"
      return
      ;;
  esac
  [ ! -t 1 ] || follow=(--follow)
  docker_compose_as_it_is logs --tail 100 "${follow[@]+"${follow[@]}"}" ${service:+"$service"}
}

way_stop() {
  docker_compose_as_it_is --profile '*' stop
  say "$(text docker_stopped)"
}

# docker_compose_as_it_is ARGUMENTS...: for commands that start no vLLM, also before a model has been chosen.
docker_compose_as_it_is() (
  cd -- "$ONDOL_ROOT" || exit
  # Compose asks for it also where nothing reads it.
  is_set VLLM_MODEL LLM_MODEL_NAME LLM_MODEL || export VLLM_MODEL=none
  docker_bind
  exec docker compose "$@"
)

DOCKER_ENDED=75

# docker_up URL: starts everything and shows what is waited for; says so once the page can be opened. Status DOCKER_ENDED:
# vLLM ends again and again.
docker_up() {
  local url=$1 begun=$SECONDS look=0 told=$SECONDS page='' status=0 states waiting restarts
  restarts=$(docker_restarts)
  docker_bind
  (
    cd -- "$ONDOL_ROOT" || exit
    docker_export_engine
    exec docker compose up --detach --build --wait --wait-timeout "$DOCKER_PATIENCE_S" --remove-orphans
  ) >"$DOCKER_LOG" 2>&1 </dev/null &
  ONDOL_CHILD=$!
  while kill -0 "$ONDOL_CHILD" 2>/dev/null; do
    if [ "$SECONDS" -ge "$look" ]; then
      look=$((SECONDS + 2))
      states=$(docker_states)
      waiting=$(docker_unready "$states")
      if [ -z "$page" ] && docker_shows_page "$states"; then
        page=yes
        clear_line
        say "  $(text docker_page "$url")"
      fi
      if [[ $waiting = *vllm-server* ]] && docker_keeps_ending "$restarts"; then
        stop_child
        ONDOL_CHILD=
        return "$DOCKER_ENDED"
      fi
      if [ -t 1 ]; then
        printf '\r\033[K  … %s' "$(text docker_waiting "$waiting" "$((SECONDS - begun))")"
      elif [ $((SECONDS - told)) -ge 10 ]; then
        told=$SECONDS
        say "  … $(text docker_waiting "$waiting" "$((SECONDS - begun))")"
      fi
    fi
    sleep 0.2
  done
  wait "$ONDOL_CHILD" || status=$?
  ONDOL_CHILD=
  # Compose may have given up at the first end.
  if [ "$status" -ne 0 ] && docker_states | grep -qE '^vllm-server (restarting|exited|dead)'; then status=$DOCKER_ENDED; fi
  return "$status"
}

# docker_bind: Compose publishes the page on an address, and takes no name.
docker_bind() {
  [ "$(setting GRADIO_SERVER_NAME)" != localhost ] || export GRADIO_SERVER_NAME=127.0.0.1
}

# docker_model_server: the container that answers, where one of ours does.
docker_model_server() {
  if docker_runs_vllm; then
    echo vllm-server
  elif [ "$(setting LLM_SERVICE_TYPE)" = ollama ]; then
    echo ollama
  fi
}

docker_runs_vllm() {
  case $(setting LLM_SERVICE_TYPE) in '' | vllm) [ -z "$(setting VLLM_SERVER_URL)" ] ;; *) false ;; esac
}

# docker_engine: what Compose is told where another engine than our vLLM answers.
docker_engine() {
  local profiles
  ! docker_runs_vllm || return 0
  echo ONDOL_VLLM_SERVERS=0
  [ "$(docker_model_server)" = ollama ] || return 0
  profiles=$(setting COMPOSE_PROFILES)
  case ",$profiles," in
    *,ollama,*) echo "COMPOSE_PROFILES=$profiles" ;;
    *) echo "COMPOSE_PROFILES=ollama${profiles:+,$profiles}" ;;
  esac
}

# docker_export_engine: the same for this start, in which the environment beats .env.
docker_export_engine() {
  local name value
  export ONDOL_VLLM_SERVERS=1
  while IFS='=' read -r name value; do export "$name=$value"; done < <(docker_engine)
}

# docker_states: a line `SERVICE STATE HEALTH` for every container.
docker_states() {
  docker_compose_as_it_is ps --all --format '{{.Service}} {{.State}} {{.Health}}' 2>/dev/null || true
}

docker_shows_page() { grep -q '^app running healthy' <<<"$1"; }

# docker_unready STATES: the containers that should run and are not healthy, with their state.
docker_unready() {
  local states=$1 service state
  for service in app db embedding $(docker_model_server); do
    state=$(printf '%s\n' "$states" | sed -n "s/^$service //p" | head -n 1)
    case $state in
      'running healthy') ;;
      'running '?*) printf '%s (%s) ' "$service" "${state#running }" ;;
      *) printf '%s (%s) ' "$service" "${state:-$(text docker_missing)}" ;;
    esac
  done | sed 's/ *) /) /g; s/ $//'
}

docker_url() {
  local host port
  host=$(setting GRADIO_SERVER_NAME)
  port=$(setting GRADIO_SERVER_PORT GRADIO_PORT)
  case $host in '' | 0.0.0.0 | ::) host=127.0.0.1 ;; esac
  echo "http://$host:${port:-7860}"
}
