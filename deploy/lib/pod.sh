# shellcheck shell=bash
# shellcheck disable=SC2034  # deploy/ways/pod.sh tells POD_WARNING
# Where things lie in a rented pod, and what its settings are unless somebody says otherwise.
# A stop of the pod keeps the volume and throws the container's own disk away.

# The volume. ONDOL_WORKSPACE names another place, which is then taken for one without a look.
POD_VOLUME="${ONDOL_WORKSPACE:-/workspace}"
# On the container's disk, for a checkout on a volume that cannot hold the database.
POD_DATA=/var/lib/ondol-pod
POD_HOME=
POD_WARNING=
POD_WEIGHTS=
POD_FAULT=

# pod_find_home: sets POD_HOME to our folder on the volume, or to nothing and POD_WARNING to why; POD_WEIGHTS to a folder
# for the weights where the volume can hold these and nothing else; POD_FAULT to what the system says where the volume
# takes no file now (it is full, or its quota is used up), which tells nothing of what it can hold.
pod_find_home() {
  local folder="$POD_VOLUME/ondol" status=0
  POD_HOME=
  POD_WARNING=
  POD_WEIGHTS=
  POD_FAULT=
  if [ ! -d "$POD_VOLUME" ] || { [ -z "${ONDOL_WORKSPACE:-}" ] && ! is_a_volume "$POD_VOLUME"; }; then
    POD_WARNING=$(text pod_no_volume "$POD_VOLUME")
  elif holds_database; then
    POD_HOME=$folder
  elif ! is_writable "$folder"; then
    POD_WARNING=$(text pod_volume_read_only "$POD_VOLUME")
  else
    POD_FAULT=$({ mkdir -p "$folder" || exit 2; knows_owners "$folder"; } 2>&1) || status=$?
    if [ "$status" -eq 1 ]; then
      POD_WARNING=$(text pod_no_owners "$POD_VOLUME")
      POD_WEIGHTS="$folder/huggingface"
    else
      POD_HOME=$folder
    fi
  fi
  # The database's account passes through it.
  [ -z "$POD_HOME" ] || { mkdir -p "$POD_HOME" && chmod 755 "$POD_HOME"; } 2>/dev/null || true
}

# holds_database: whether ours lies on the volume. Then it is used, whatever the volume says now: an empty one elsewhere
# would look like a loss of everything, and what is put into that is lost.
holds_database() { [ -d "$POD_VOLUME/ondol/var/postgres" ] || { is_on_volume && [ -d "$ONDOL_ROOT/var/postgres" ]; }; }

# is_writable FOLDER: it, or where it would be made.
is_writable() { if [ -e "$1" ]; then [ -w "$1" ]; else [ -w "$(dirname "$1")" ]; fi; }

# is_a_volume FOLDER: whether it lies on another file system than the container's disk.
is_a_volume() { [ "$(stat -c %d "$1" 2>/dev/null)" != "$(stat -c %d / 2>/dev/null)" ]; }

# knows_owners FOLDER: some network volumes refuse to give a file to another account, which PostgreSQL needs from root.
# Status 2: no file could be made, so that is not known.
knows_owners() {
  [ "$(id -u)" -eq 0 ] || return 0
  local probe
  probe=$(mktemp -d "$1/.owner-XXXXXX") || return 2
  if chown 65534 "$probe" 2>/dev/null && [ "$(stat -c %u "$probe")" = 65534 ]; then
    rm -rf "$probe"
    return 0
  fi
  rm -rf "$probe"
  return 1
}

# is_on_volume: whether the checkout lies there.
is_on_volume() { case "$ONDOL_ROOT/" in "$(cd -- "$POD_VOLUME" && pwd -P)"/*) ;; *) false ;; esac; }

# keep_var_on_volume: nobody else may start or stop while `var` moves, and what runs from it (started as on a laptop) is
# stopped first: it would go on writing to the files that were left.
keep_var_on_volume() {
  if [ -n "$POD_HOME" ] && ! is_on_volume && [ ! -L "$ONDOL_ROOT/var" ]; then
    take_moving_lock
    if native_installed; then
      take_lock
      say "  $(text pod_stopping_first)"
      native_supervision stop || exit $?
    fi
  fi
  keep_on_volume var
}

# keep_on_volume NAME: makes NAME of the checkout a link to the volume. What lies there from an earlier pod counts; else
# what the checkout has moves along. A checkout on the volume, and a link of the operator's own, stay as they are.
keep_on_volume() {
  local here="$ONDOL_ROOT/$1" there="$POD_HOME/$1"
  if [ -z "$POD_HOME" ] || is_on_volume; then return 0; fi
  if [ -L "$here" ]; then
    [ "$(readlink "$here")" != "$there" ] || mkdir -p "$there"
    return 0
  fi
  if [ -d "$here" ] && [ -n "$(ls -A "$here")" ]; then
    if [ -d "$there" ] && [ -n "$(ls -A "$there")" ]; then
      mv "$here" "$here.before-$(date +%s)"
    else
      mkdir -p "$there"
      cp -a "$here/." "$there/" || fail "$(text pod_move "$here" "$there")" "$(text no_disk_next)"
      rm -rf "$here"
    fi
  else
    rm -rf "$here"
  fi
  mkdir -p "$there"
  ln -s "$there" "$here"
}

# pod_defaults: what a pod needs unless the environment or .env says otherwise.
pod_defaults() {
  is_set LLM_SERVICE_TYPE || export LLM_SERVICE_TYPE=vllm
  # RunPod's proxy reaches the page from outside the container. The page asks for a login.
  is_set GRADIO_SERVER_NAME || export GRADIO_SERVER_NAME=0.0.0.0
  if [ -n "$POD_WEIGHTS" ] && ! is_set HF_HOME; then export HF_HOME=$POD_WEIGHTS; fi
  if [ -n "$POD_WEIGHTS" ] && is_on_volume && ! is_set DATA_DIR; then
    export DATA_DIR=$POD_DATA
    POD_WARNING="$POD_WARNING $(text pod_data_elsewhere "$POD_DATA")"
  fi
  if ! is_set VLLM_COMMAND && ! vllm_is_here; then
    VLLM_COMMAND="$(pod_place vllm)/bin/vllm"
    export VLLM_COMMAND
  fi
}

# way_model: what was remembered or set for a laptop stands for the same model on the hub.
way_model() {
  local name known
  { [ "$(setting LLM_SERVICE_TYPE)" = vllm ] && ! is_set VLLM_SERVER_URL; } || return 0
  name=$(setting LLM_MODEL_NAME LLM_MODEL VLLM_MODEL)
  # Another name that is none is told by the engine, once the page is up.
  known=$(hub_model "$name" 2>/dev/null) || return 0
  [ "$known" != "$name" ] || return 0
  say "  $(text pod_model "$name" "$known")" >&2
  export LLM_MODEL_NAME=$known
}

# vllm_is_here: whether the image brings one.
vllm_is_here() {
  command -v vllm >/dev/null && return
  command -v python3 >/dev/null && python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("vllm") is None)' 2>/dev/null
}

# pod_place NAME: the folder for an environment of its own; the image's where it has one.
pod_place() {
  if [ -n "$POD_HOME" ] && [ ! -e "$ONDOL_ROOT/.venv-$1" ]; then
    echo "$POD_HOME/$1"
  else
    echo "$ONDOL_ROOT/.venv-$1"
  fi
}
