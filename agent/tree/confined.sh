#!/bin/sh
# Runs a program in a directory that it cannot leave: whatever symbolic links a container has left there, or leaves
# there while the program reads, they lead nowhere but to the programs of this node, read-only. What merged /usr brings
# along makes that cheap: /usr itself has bin and lib where a root has them.
# usage: unshare --mount confined.sh DIRECTORY PROGRAM ARGUMENT…
set -e
mount --bind -o ro /usr /usr
case $1 in
  # Another mount namespace's: it cannot be bound here, and ".." ends at that namespace's root.
  /proc/*) directory=$1 ;;
  *)
    directory=/usr/share
    mount --bind "$1" $directory
    ;;
esac
shift
# nsenter wants to be given some namespace: this one changes nothing.
exec nsenter --uts=/proc/self/ns/uts --root=/usr --wd="$directory" -- "$@"
