#!/bin/sh
# Runs `vllm serve` with the VLLM_ settings that docker-compose.yml hands in, inside vLLM's own image.
set -eu

: "${VLLM_MAX_MODEL_LEN:?is not set. Start with ./quick_start.sh, or give the tokens of context in .env}"
set -- "${VLLM_MODEL:?is not set}" --host 0.0.0.0 --port 8000
for pair in \
  "--max-model-len=${VLLM_MAX_MODEL_LEN:-}" \
  "--gpu-memory-utilization=${VLLM_GPU_MEMORY_UTILIZATION:-}" \
  "--max-num-seqs=${VLLM_MAX_NUM_SEQS:-}" \
  "--tensor-parallel-size=${VLLM_TENSOR_PARALLEL_SIZE:-}" \
  "--quantization=${VLLM_QUANTIZATION:-}" \
  "--api-server-count=${VLLM_API_SERVERS:-}"; do
  case $pair in
    *=) ;; # not set: as vLLM chooses
    *) set -- "$@" "$pair" ;;
  esac
done
extra=${VLLM_EXTRA_ARGS:-}
# vLLM warns of variables with its prefix that it does not know.
unset VLLM_MODEL VLLM_MAX_MODEL_LEN VLLM_GPU_MEMORY_UTILIZATION VLLM_MAX_NUM_SEQS VLLM_TENSOR_PARALLEL_SIZE \
  VLLM_QUANTIZATION VLLM_API_SERVERS VLLM_EXTRA_ARGS
# Words with quotes are kept together; the text comes from the operator's own .env.
eval "set -- \"\$@\" $extra"
exec vllm serve "$@"
