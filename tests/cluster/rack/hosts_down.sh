#!/bin/bash
# Takes the rack in $RACK_DIR down and removes the folder. Killing the first process of a PID namespace kills all in it;
# network and mounts go with it. Only ever kills processes that carry this rack's own mark.
set -uo pipefail

: "${RACK_DIR:?the folder of the rack}"
[[ -f $RACK_DIR/hosts.list ]] || exit 0
rm -f "$RACK_DIR/complete"

ours() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qx "RACK_INIT=$RACK_DIR:$2"; }

for file in "$RACK_DIR"/pid/*.unshare; do
    [[ -e $file ]] || continue
    above=$(cat "$file") host=$(basename "$file" .unshare)
    # The host's first process; asked from its parent, since a start that was cut short has not written it down.
    for pid in $(cat "/proc/$above/task/$above/children" 2>/dev/null) "$above"; do
        ! ours "$pid" "$host" 2>/dev/null || kill -9 "$pid"
    done
    for _ in {1..100}; do
        ours "$above" "$host" 2>/dev/null || break
        sleep 0.05
    done
done
rm -rf "$RACK_DIR"
