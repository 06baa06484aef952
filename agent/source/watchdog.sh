#!/bin/sh
# Ends a freeze that nobody else ends: started with it, and alive when the agent is not. Either it makes the decision
# before a commit does, and undoes all that was planted; or there was a commit, and the pod stays frozen, because it may
# run at the target.
# usage: watchdog.sh DIRECTORY SECONDS
# Not without its sleep, which nobody would wait for; one that has just been forked does not hear anything less.
trap 'kill -KILL $!; wait; exit' TERM
sleep "$2" &
wait $!
decided=$(ln -s thaw "$1/decision" 2>/dev/null; readlink "$1/decision")
ls -r "$1/planted" | while read -r undo; do
  case $decided:$undo in
    thaw:* | *.always) sh "$1/planted/$undo" ;;
  esac
done
