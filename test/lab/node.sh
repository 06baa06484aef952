#!/bin/sh
# Turns a process into pid 1 of a node of the lab, in three steps that exec one another:
#   hold     joins the node's cgroups, so that the cgroup namespace made next is rooted there
#   settle   moves on into a cgroup below (a v2 cgroup with processes of its own cannot hand on controllers), and
#            makes the other namespaces; `unshare --fork` stays behind as the parent of pid 1
#   furnish  mounts what a node has, makes the overlay the root, says "ready" on descriptor 3 and becomes init
#
# In the environment: CGROUPS (directories), CGROUP_MOUNTS (name|version|options a line), LOWER, UPPER, WORK, ROOT,
# CONTAINERD, NFS, FLAT, REPOSITORY, NODE; for a node of a Kubernetes also KUBERNETES (its programs) and KUBELET.
set -eu

mount_cgroups() {
  case $CGROUP_MOUNTS in
    .\|*) ;;
    *) mount -t tmpfs -o mode=755 tmpfs "$1" ;;
  esac
  printf '%s\n' "$CGROUP_MOUNTS" | while IFS='|' read -r name version options; do
    mkdir -p "$1/$name"
    if [ "$version" = v2 ]; then
      mount -t cgroup2 cgroup2 "$1/$name"
      continue
    fi
    mount -t cgroup -o "$options" cgroup "$1/$name"
    # `cpu,cpuacct` is also found under each of its names.
    for controller in $(echo "$name" | tr , ' '); do
      [ -e "$1/$controller" ] || ln -s "$name" "$1/$controller"
    done
  done
}

make_devices() {
  mount -t tmpfs -o mode=755,nosuid tmpfs "$1"
  while read -r name major minor; do
    [ -e "/dev/$name" ] || [ "$major" = 1 ] || continue
    mknod -m 666 "$1/$name" c "$major" "$minor"
  done <<DEVICES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
DEVICES
  mkdir "$1/net" "$1/pts" "$1/shm" "$1/mqueue"
  mknod -m 666 "$1/net/tun" c 10 200
  [ ! -c /dev/userfaultfd ] || cp -a /dev/userfaultfd "$1/userfaultfd"
  mknod -m 600 "$1/kmsg" c 1 11
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$1/shm"
  mount -t mqueue mqueue "$1/mqueue"
  ln -s pts/ptmx "$1/ptmx"
  ln -s /proc/self/fd "$1/fd"
  ln -s /proc/self/fd/0 "$1/stdin"
  ln -s /proc/self/fd/1 "$1/stdout"
  ln -s /proc/self/fd/2 "$1/stderr"
}

case $1 in
  hold)
    for directory in $CGROUPS; do echo $$ >"$directory/cgroup.procs"; done
    exec unshare --cgroup sh "$0" settle
    ;;
  settle)
    for directory in $CGROUPS; do echo $$ >"$directory/init/cgroup.procs"; done
    exec unshare --mount --uts --ipc --net --pid --fork --kill-child --propagation private sh "$0" furnish
    ;;
  furnish)
    hostname "$NODE"
    mount -t overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" overlay "$ROOT"
    cd "$ROOT"
    mkdir -p opt/podferry srv/podferry-nfs var/lib/containerd var/lib/cni/flat mnt
    mount -t proc -o nosuid,nodev,noexec proc proc
    mount -t sysfs -o nosuid,nodev,noexec sysfs sys
    mount_cgroups "$ROOT/sys/fs/cgroup"
    make_devices "$ROOT/dev"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
    mkdir -p run/containerd run/podferry run/lock
    mount --bind "$CONTAINERD" var/lib/containerd
    # Stands for an NFS export: the same directory on all nodes. The lab's kernel need not have NFS.
    mount --bind "$NFS" srv/podferry-nfs
    # Stands for the database that an address management of a whole cluster has.
    mount --bind "$FLAT" var/lib/cni/flat
    mount --bind "$REPOSITORY" opt/podferry
    mount -o remount,bind,ro opt/podferry
    if [ -n "${KUBERNETES:-}" ]; then
      mkdir -p opt/kubernetes var/lib/kubelet
      mount --bind "$KUBERNETES" opt/kubernetes
      mount -o remount,bind,ro opt/kubernetes
      mount --bind "$KUBELET" var/lib/kubelet
    fi
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    pivot_root . mnt
    cd /
    umount -l /mnt
    # As systemd does on a real node: mounts made here reach containers that ask for it.
    mount --make-rshared /
    echo ready >&3
    exec 3>&- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
      busybox init </dev/null >/dev/null 2>&1
    ;;
esac
