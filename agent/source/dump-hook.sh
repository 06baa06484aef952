#!/bin/sh
# CRIU's action script at the source. CRIU is started while the pod runs, does all that needs no frozen pod, and waits
# here until the agent has frozen it. PODFERRY_STAGING is the container's directory, which agent/paths.ts describes.
here=$PODFERRY_STAGING
case $CRTOOLS_SCRIPT_ACTION in
  pre-dump)
    # Opened for both, so that neither side waits for the other to open it.
    exec 7<>"$here/go"
    : >"$here/waiting"
    word=
    [ -e "$here/cancelled" ] || read -r word <&7
    [ "$word" = go ]
    ;;
  post-dump)
    # Deleted files that still have a name elsewhere were linked into the root file system under new names. CRIU takes
    # those away when it goes on, so it waits until they have been carried.
    if [ -e "$here/images/remap-fpath.img" ]; then
      exec 7<>"$here/go"
      : >"$here/dumped"
      [ -e "$here/cancelled" ] || read -r word <&7
    else
      : >"$here/dumped"
    fi
    ;;
esac
