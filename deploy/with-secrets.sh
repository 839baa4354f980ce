#!/bin/sh
# Runs a program that takes its secrets from variables: deploy/with-secrets.sh PROGRAM ARGUMENTS...
# Every file of /run/secrets that is not empty becomes the variable of its name, for this program only: what a container
# was made with can be read by whoever may ask Docker.
set -eu

for file in "${SECRETS_FOLDER:-/run/secrets}"/*; do
  if [ -f "$file" ] && [ -s "$file" ]; then
    name=$(basename "$file" | tr '[:lower:]' '[:upper:]')
    export "$name=$(cat "$file")"
  fi
done
exec "$@"
