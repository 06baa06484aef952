#!/bin/sh
# Makes a fresh clone ready: installs the locked packages (Node 24 among them) when they are missing or older than the
# lock file. npm scripts call it first, so that no command of the README needs another one before it.
set -eu
cd "$(dirname "$0")/.."
if [ ! -e node_modules/.ready ] || [ package-lock.json -nt node_modules/.ready ]; then
  echo "podferry: installing packages (npm ci)" >&2
  npm ci --loglevel=error >&2
  : >node_modules/.ready
fi
