#!/bin/sh
# Builds what a cluster is started from. Who only asks a running one is answered by what that was built of.
case "$1" in
  status | stop | kill | restart | logs) built=dist/engines/cluster/main.js ;;
  *) built= ;;
esac
if [ ! -f "$built" ]; then
  npm run --silent build && npx tsc -p engines/tsconfig.json || exit
fi
# In place of this shell: when npm is killed, the command is to notice.
exec node dist/engines/cluster/main.js "$@"
