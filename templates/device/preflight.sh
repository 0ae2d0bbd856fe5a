# What a push needs to know before it touches anything, as "key value" lines. Changes nothing.
# $1: runtime digest (hex)
root="$HOME/.edgewise"
echo "home $HOME"
echo "freeKilobytes $(df -Pk "$HOME" | awk 'NR==2 {print $4}')"
if [ -L "$root/current" ]; then echo "current $(basename "$(readlink "$root/current")")"; fi
if [ -L "$root/previous" ]; then echo "previous $(basename "$(readlink "$root/previous")")"; fi
if [ -d "$root/runtime/$1" ]; then echo "runtime $1"; fi
if [ -r "$root/supervisor.pid" ] && kill -0 "$(cat "$root/supervisor.pid")" 2>/dev/null; then
  echo "supervisor $(cat "$root/supervisor.pid")"
fi
if [ -r "$root/state.json" ]; then echo "state $(tr -d '\n' <"$root/state.json")"; fi
