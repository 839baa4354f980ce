# shellcheck shell=bash
# Secrets of the containers: files in deploy/secrets, made once. The folder can be entered by its owner only; the files can
# be read by every user, because a container runs under a number that this host does not know.

DOCKER_SECRETS="$ONDOL_ROOT/deploy/secrets"

docker_make_secrets() {
  local password
  if [ ! -s "$DOCKER_SECRETS/db_password" ] &&
    [ -n "$(docker volume ls --quiet --filter name='^ondol_database$' 2>/dev/null)" ]; then
    fail "$(text docker_lost_password "$DOCKER_SECRETS")" "$(text docker_lost_password_next)"
  fi
  mkdir -p "$DOCKER_SECRETS"
  chmod 0700 "$DOCKER_SECRETS"
  keep_secret db_password "$(random_secret)"
  password=$(cat "$DOCKER_SECRETS/db_password")
  keep_secret database_url "postgresql://ondol:$password@db:5432/ondol"
  keep_secret grafana_admin_password "$(random_secret)"
  # A key of the operator's own counts, and its file follows it.
  put_secret llm_api_key "$(setting LLM_API_KEY)"
  put_secret embed_api_key "$(setting EMBED_API_KEY)"
  put_secret metrics_token "$(setting METRICS_TOKEN)"
  put_secret hf_token "$(setting HF_TOKEN)"
  keep_secret llm_api_key "$(random_secret)"
  keep_secret embed_api_key "$(random_secret)"
  keep_secret metrics_token "$(random_secret)"
  [ -e "$DOCKER_SECRETS/hf_token" ] || write_secret hf_token ""
}

# docker_open_files: what containers see of the checkout, which may have been made with a umask that lets nobody else read.
# Files of somebody else stay as they are.
docker_open_files() {
  (
    cd -- "$ONDOL_ROOT/deploy" || exit
    chmod -R a+rX with-secrets.sh serve-vllm.sh monitoring 2>/dev/null || true
  )
}

# keep_secret NAME VALUE: unless there is one.
keep_secret() { [ -s "$DOCKER_SECRETS/$1" ] || write_secret "$1" "$2"; }

# put_secret NAME VALUE: where there is a value.
put_secret() {
  [ -n "$2" ] && [ "$2" != "$(cat "$DOCKER_SECRETS/$1" 2>/dev/null)" ] || return 0
  write_secret "$1" "$2"
}

# write_secret NAME VALUE: never half written.
write_secret() {
  (umask 077 && printf '%s' "$2" >"$DOCKER_SECRETS/.new")
  chmod 0644 "$DOCKER_SECRETS/.new"
  mv -f "$DOCKER_SECRETS/.new" "$DOCKER_SECRETS/$1"
}

# random_secret: 192 bits in letters and digits, so that it may stand in a URL.
random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
