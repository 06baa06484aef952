#!/bin/sh
# In a node: ends its containerd and starts it again, as systemd would elsewhere. Each restart leaves a line in
# /run/containerd-restarts, so that tests can count them. Its log is /run/containerd.log.
set -u
# Whoever calls this may be in a container, and what it leaves must not end with that.
for cgroup in /sys/fs/cgroup/init /sys/fs/cgroup/*/init; do
  [ ! -d "$cgroup" ] || echo $$ >"$cgroup/cgroup.procs"
done
echo restarted >>/run/containerd-restarts
for pid in $(pgrep -x containerd); do
  kill "$pid"
  while [ -e "/proc/$pid/exe" ]; do sleep 0.1; done
done
setsid containerd >>/run/containerd.log 2>&1 </dev/null &
