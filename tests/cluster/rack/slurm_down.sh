#!/bin/bash
# Ends Slurm in good order (5 s at most), then takes the rack down.
set -uo pipefail

: "${RACK_DIR:?the folder of the rack}"
[[ ! -x $RACK_DIR/on ]] || "$RACK_DIR/on" head timeout 5 scontrol shutdown 2>/dev/null
exec "$(dirname "$0")/hosts_down.sh"
