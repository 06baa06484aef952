#!/bin/sh
# Compiles the programs beside it, statically, with the compiler of the nodes' root: what the machine has does not
# matter. Started in a mount namespace of its own, since the root is shared and has to stay as it is.
# Arguments: this directory, the directory for the binaries, the root.
set -eu
sources=$1 binaries=$2 root=$3
mount --bind "$sources" "$root/mnt"
mount --bind "$binaries" "$root/srv"
mount --bind /dev "$root/dev"
exec chroot "$root" sh -euc '
  export TMPDIR=/srv
  for source in /mnt/*.c; do
    program=/srv/$(basename "$source" .c)
    # Not every program needs all of serve.h.
    gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-unused-function -static -pthread -o "$program" "$source"
    strip "$program"
  done'
