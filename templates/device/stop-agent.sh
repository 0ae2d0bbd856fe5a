# Stops the supervisor and its agent, if there is one.
pid=$(cat "$HOME/.edgewise/supervisor.pid" 2>/dev/null)
[ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null
exit 0
