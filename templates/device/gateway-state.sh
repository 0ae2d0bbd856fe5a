# What is known of this machine's gateway program, as "key value" lines. Changes nothing.
# $1: runtime digest (hex)
root="$HOME/.edgewise"
echo "home $HOME"
if [ -d "$root/runtime/$1" ]; then echo "runtime $1"; fi
if [ -r "$root/gateway/supervisor.pid" ] && kill -0 "$(cat "$root/gateway/supervisor.pid")" 2>/dev/null; then
  echo "supervisor $(cat "$root/gateway/supervisor.pid")"
fi
if [ -r "$root/gateway/state.json" ]; then echo "state $(tr -d '\n' <"$root/gateway/state.json")"; fi
