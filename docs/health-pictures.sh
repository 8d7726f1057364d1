#!/bin/bash
# health-pictures.sh PROGRAMS: makes docs/health-table.svg and docs/health-watch.svg, recorded from a real td on a terminal (that
# of `script`), asking agents over TLS that say what a shelf with some ailments would say (health-agents of td-benches). PROGRAMS
# is the folder with td, td-provision and health-agents.
set -eu
docs=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
folder=$(mktemp -d)
agents=
end() { [ -z "$agents" ] || kill "$agents" 2>/dev/null || true; rm -rf "$folder"; }
trap end EXIT
export HOME=$folder XDG_CONFIG_HOME=$folder/config TERM=xterm
cd "$folder"
{
  echo "cluster: shelf"
  echo "nodes:"
  for n in 0 1 2 3 4 5 6 7; do echo "  pi11$n: { address: 127.0.79.$((n + 1)), agent_port: $((7970 + n / 7)) }"; done
} >inventory.yaml
"$programs/td-provision" certs init >/dev/null 2>&1
"$programs/td-provision" certs issue >/dev/null 2>&1
# pi117 is off: nobody listens on its port. The agents end with this pipe.
mkfifo alive
"$programs/health-agents" "$XDG_CONFIG_HOME/td/clusters/shelf" 7970 \
  pi110 pi111 pi112:throttled pi113 pi114:full pi115:rising pi116 <alive >ready &
agents=$!
exec 3>alive
until grep -q ready ready; do sleep 0.1; done
script --quiet --command "stty cols 80 rows 24; '$programs/td' health -i inventory.yaml" table >/dev/null || true
script --quiet --command "stty cols 80 rows 24; timeout --signal=INT 10 '$programs/td' health -i inventory.yaml --watch=1" watch \
  >/dev/null || true
"$docs/terminal.py" table >"$docs/health-table.svg"
"$docs/terminal.py" watch 8 >"$docs/health-watch.svg"
