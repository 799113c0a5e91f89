#!/bin/bash
# Bootstrap action of emr-dr: seed-batch-ids.sh FIRST FOLDER
#
# Lets the Livy of this cluster number its batches from FIRST on, by putting the record of its next number into FOLDER,
# the store from which livy-conf has it recover. EMR runs this on every node before it installs Livy; the work is the
# primary's alone. A store that is there is Livy's own and is left as it is.
#
# It ends with 0 whatever happens: a cluster whose Livy counts from 0 is worth more than none, and emr-dr looks at the
# number of its proving job. What happened is one line of output, which EMR keeps with the logs of bootstrap actions.
#
# EMR_DR_ROOT and EMR_DR_LIVY_USER are for rehearsals: a folder that stands for /, and who Livy runs as. With a root of
# its own nothing is asked of sudo; an empty user means whoever runs this.
trap 'exit 0' EXIT
set -u
umask 022
root=${EMR_DR_ROOT:-}
owner=${EMR_DR_LIVY_USER-livy}
first=${1:-}
store=$root${2:-}
state=$store/v1/batch/state
node=$root/mnt/var/lib/info/instance.json

finish() { echo "emr-dr: $*"; exit 0; }

# Bootstrap actions run as the user hadoop, who may write nowhere under /var/lib, and may use sudo.
try() { "$@" 2>/dev/null || { if [ -z "$root" ]; then sudo -n "$@"; else "$@"; fi; }; }

seed() {
  try mkdir -p "${state%/*}" &&
    try sh -c 'printf "{\"nextSessionId\":%s}" "$1" > "$2"' sh "$first" "$state.new" &&
    try mv -n "$state.new" "$state"
}

give() {
  if [ -n "$owner" ]; then try chown -R "$owner:" "$store" || return; fi
  try chmod -R u=rwX,go= "$store"
}

# The user livy comes with Livy's package. Until then the store is open, or Livy could not write there; nobody but EMR
# is on the node so early.
give_later() {
  try chmod -R a+rwX "$store" || return
  (
    for _ in $(seq 3600); do
      if id -u "$owner"; then
        give
        break
      fi
      sleep 1
    done
  ) < /dev/null > /dev/null 2>&1 &
}

case $first in '' | *[!0-9]*) finish "nothing is seeded: the first number is '$first'" ;; esac
case ${2:-} in /*) ;; *) finish "nothing is seeded: '${2:-}' is no absolute path" ;; esac
[ -r "$node" ] || finish "nothing is seeded: without $node it is unknown whether this is the primary"
grep -Eq '"isMaster"[[:space:]]*:[[:space:]]*true' "$node" || finish "nothing to do: this is not the primary"
if try test -e "$state"; then finish "nothing to do: $state is there already"; fi
seed || finish "nothing is seeded: $state cannot be written"
if [ -z "$owner" ] || id -u "$owner" > /dev/null 2>&1; then give; else give_later; fi ||
  finish "batches begin with $first, but $store could not be given to $owner"
finish "batches begin with $first"
