# syntax=docker/dockerfile:1
# The images of Ondol (docs/docker.md): `app`, `embedding`, and `pod`, which is everything in one container.
# Layers go from what seldom changes to what changes with every commit: a change of code installs nothing again.

ARG PYTHON_IMAGE=python:3.12-slim-trixie
ARG VLLM_IMAGE=vllm/vllm-openai:v0.31.0
ARG VERSION=0.1.0
ARG REVISION=unknown

# ---- app: the page, the API, the jobs. No torch, no CUDA. --------------------------------------------------------
FROM ${PYTHON_IMAGE} AS app
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /opt/ondol

RUN groupadd --gid 10001 ondol && useradd --uid 10001 --gid ondol --home-dir /data --no-create-home ondol

# pg_dump and pg_restore of the database's release, for `python -m backend.backup`.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install -y --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/*

COPY requirements-*.txt constraints.txt ./
COPY deploy/install-app.sh deploy/pins.py deploy/
COPY deploy/lib/ deploy/lib/
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked deploy/install-app.sh /opt/ondol/.venv

COPY . .
# The data folder is `var` of the repository as everywhere else, so that every command finds it without a setting.
# A checkout may have been made with a umask that lets nobody else read.
RUN rm -rf var && install -d -o ondol -g ondol -m 0700 /data /data/tmp && ln -s /data var \
    && chmod -R a+rX app.py backend ui data deploy && .venv/bin/python -m compileall -q app.py backend ui

ENV PATH=/opt/ondol/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    DATA_DIR=/data \
    TMPDIR=/data/tmp
USER 10001:10001
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=2m --retries=3 \
    CMD ["python", "deploy/healthy.py", "7860", "/health/live"]
CMD ["python", "app.py"]

ARG VERSION REVISION
LABEL org.opencontainers.image.title="Ondol" \
      org.opencontainers.image.description="A private AI workbench: the page, the JSON API and the jobs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---- embedding: one file and the libraries it computes with -------------------------------------------------------
FROM ${PYTHON_IMAGE} AS embedding
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /opt/ondol

RUN groupadd --gid 10001 ondol && useradd --uid 10001 --gid ondol --home-dir /models --no-create-home ondol \
    && install -d -o ondol -g ondol -m 0755 /models

COPY requirements-*.txt constraints.txt ./
COPY deploy/install-embedding.sh deploy/pins.py deploy/
COPY deploy/lib/ deploy/lib/
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked deploy/install-embedding.sh /opt/ondol/.venv

COPY deploy/healthy.py deploy/with-secrets.sh deploy/
COPY backend/embedding_server.py ./
RUN chmod -R a+rX embedding_server.py deploy

ENV PATH=/opt/ondol/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/models
USER 10001:10001
VOLUME /models
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=1h --retries=3 \
    CMD ["python", "deploy/healthy.py", "8001", "/health"]
ENTRYPOINT ["deploy/with-secrets.sh"]
CMD ["uvicorn", "embedding_server:app", "--host", "0.0.0.0", "--port", "8001", \
     "--timeout-keep-alive", "30", "--timeout-graceful-shutdown", "5", "--no-access-log"]

ARG VERSION REVISION
LABEL org.opencontainers.image.title="Ondol embedding server" \
      org.opencontainers.image.description="Vectors for Ondol's search, on a GPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---- pod: everything in one container, for machines that are containers themselves (docs/pod-image.md) ---------------
# vLLM stays as its own image has it: nothing is installed into its environment, ours are beside it.
FROM ${VLLM_IMAGE} AS pod
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /opt/ondol

# For the key that RunPod hands in (deploy/pod-entrypoint.sh); each pod makes its own keys of the host.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates openssh-server \
    && rm -rf /etc/ssh/ssh_host_* /var/lib/apt/lists/*

COPY requirements-*.txt constraints.txt ./
COPY deploy/install-app.sh deploy/install-embedding.sh deploy/pins.py deploy/
COPY deploy/lib/ deploy/lib/
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked deploy/install-embedding.sh /opt/ondol/.venv-embedding
# hadolint ignore=DL3059
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    deploy/install-app.sh /opt/ondol/.venv requirements-local.txt

COPY . .
RUN rm -rf var && .venv/bin/python -m compileall -q app.py backend ui

# Used as they are: they need nothing of what a start in a bare pod installs.
ENV PYTHONUNBUFFERED=1 \
    ONDOL_VENV=/opt/ondol/.venv \
    ONDOL_EMBEDDING_VENV=/opt/ondol/.venv-embedding
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=2m --retries=3 \
    CMD ["/opt/ondol/.venv/bin/python", "deploy/healthy.py", "7860", "/health/live"]
ENTRYPOINT ["/opt/ondol/deploy/pod-entrypoint.sh"]
CMD []

ARG VERSION REVISION
LABEL org.opencontainers.image.title="Ondol pod" \
      org.opencontainers.image.description="Ondol, its embedding server, a database and vLLM in one container" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
