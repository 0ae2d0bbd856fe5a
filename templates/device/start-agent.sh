# Makes the agent serve `current`: tells a running supervisor of the same runtime to load it, else starts one.
# $1: runtime digest (hex). Prints "reloaded" or "started".
root="$HOME/.edgewise"
runtime="$root/runtime/$1"
cd "$root" || exit 1
pid=$(cat supervisor.pid 2>/dev/null)
if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
  if [ "$(readlink "/proc/$pid/exe")" -ef "$runtime/bin/node" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$runtime/edgewise.mjs"; then
    kill -HUP "$pid" && echo reloaded && exit 0
  fi
  # Another runtime: the old agent answers until the new one is started.
  kill -TERM "$pid"
  waited=0
  while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 100 ]; do sleep 0.1; waited=$((waited + 1)); done
fi
rm -f state.json
: >agent.log
if command -v setsid >/dev/null 2>&1; then keep="setsid"; else keep=""; fi
$keep nohup "$runtime/bin/node" "$runtime/edgewise.mjs" supervise --home "$root" </dev/null >>agent.log 2>&1 &
echo started
