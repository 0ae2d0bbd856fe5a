# What keeps the agent alive here, as "key value" lines; with $1 = install also makes it the unit on standard input.
root="$HOME/.edgewise"
unit=edgewise-agent.service
mkdir -p "$root" && root=$(cd "$root" && pwd -P) || exit 1
echo "root $root"
account=$( (getent passwd "$(id -u)" || grep "^[^:]*:[^:]*:$(id -u):" /etc/passwd) 2>/dev/null | head -n 1 | cut -d: -f6)
# A home that is lent for a while (an emulated device, a test) gets no unit: it would outlive it.
if [ ! -d /run/systemd/system ] || ! command -v systemctl >/dev/null 2>&1; then echo "none it has no systemd"; exit 0; fi
if ! [ "$HOME" -ef "$account" ]; then echo "none $HOME is not the user's home folder"; exit 0; fi
if [ "$(id -u)" = 0 ]; then
  folder=/etc/systemd/system
  control() { systemctl "$@"; }
  echo "scope system"
else
  folder="$HOME/.config/systemd/user"
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  export XDG_RUNTIME_DIR
  control() { systemctl --user "$@"; }
  if ! control show-environment >/dev/null 2>&1; then echo "none the user has no systemd of its own"; exit 0; fi
  echo "scope user"
  # Own mounts take user namespaces, which not every kernel gives to everybody; what counts is that nothing can be written.
  if systemd-run --user --quiet --wait -p PrivateUsers=yes -p PrivateTmp=yes -p ProtectSystem=strict -p ProtectHome=read-only -p ProtectKernelTunables=yes \
    sh -c '! touch "$0" || ! rm "$0"' "$HOME/.edgewise-probe" >/dev/null 2>&1; then echo "mounts yes"; fi
fi
if [ "$1" = install ]; then
  mkdir -p "$folder" && cat >"$folder/.$unit.partial" || exit 1
  if cmp -s "$folder/.$unit.partial" "$folder/$unit"; then
    rm -f "$folder/.$unit.partial"
  else
    mv -f "$folder/.$unit.partial" "$folder/$unit" && control daemon-reload || exit 1
  fi
  control enable --quiet "$unit" || exit 1
  # Without it, a user's services start when the user logs in, not when the device starts.
  [ "$(id -u)" = 0 ] || loginctl enable-linger >/dev/null 2>&1
fi
[ -r "$folder/$unit" ] && echo "unit $(sha256sum <"$folder/$unit" | cut -d' ' -f1)"
control is-enabled --quiet "$unit" 2>/dev/null && echo "enabled yes"
if [ "$(id -u)" = 0 ] || [ -e "/var/lib/systemd/linger/$(id -un)" ]; then echo "startsAtBoot yes"; fi
pid=$(cat "$root/supervisor.pid" 2>/dev/null)
[ -n "$pid" ] && grep -q "/$unit\$" "/proc/$pid/cgroup" 2>/dev/null && echo "keeps yes"
exit 0
