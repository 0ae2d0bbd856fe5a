# Has the gateway's program serve the parts that lie there, on address $2 and port $3: tells a running one of the same
# runtime to look again, else starts one. $1: runtime digest (hex). Prints "reloaded" or "started".
home="$HOME/.edgewise/gateway"
runtime="$HOME/.edgewise/runtime/$1"
mkdir -p "$home/parts" && cd "$home" || exit 1
printf '{"host": "%s", "port": %s}\n' "$2" "$3" >listen.json.partial && mv -f listen.json.partial listen.json || exit 1
pid=$(cat supervisor.pid 2>/dev/null)
if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
  if [ "$(readlink "/proc/$pid/exe")" -ef "$runtime/bin/node" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$runtime/edgewise.mjs"; then
    kill -HUP "$pid" && echo reloaded && exit 0
  fi
  # Another runtime: the old program answers until the new one is started.
  kill -TERM "$pid"
  waited=0
  while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 100 ]; do sleep 0.1; waited=$((waited + 1)); done
fi
rm -f state.json
: >agent.log
if command -v setsid >/dev/null 2>&1; then keep="setsid"; else keep=""; fi
$keep nohup "$runtime/bin/node" "$runtime/edgewise.mjs" supervise --program gateway --home "$home" </dev/null >>agent.log 2>&1 &
echo started
