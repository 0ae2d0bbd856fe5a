# What is on the device and runs there, as "key value" lines, in one command. Changes nothing.
# With $1 = preflight also what may stand in the way of a push.
root="$HOME/.edgewise"
echo "home $HOME"
echo "architecture $(uname -m)"
place="$root"
[ -d "$place" ] || place="$HOME"
echo "freeKilobytes $(df -Pk "$place" 2>/dev/null | awk 'NR==2 {print $4}')"
# File systems that make inodes as they need them say that they have none.
echo "freeInodes $(df -Pi "$place" 2>/dev/null | awk 'NR==2 && $2 > 0 {print $4}')"
[ -w "$place" ] && echo "writable yes"
echo "clock $(date +%s)"
echo "uptime $(cut -d' ' -f1 /proc/uptime 2>/dev/null)"
echo "bootId $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
echo "memoryKilobytes $(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null)"
for tool in sha256sum shasum openssl gzip zstd awk basename cat chmod cut dd df dirname grep ln mkdir mv readlink rm sed sync tr wc; do
  command -v "$tool" >/dev/null 2>&1 && echo "tool:$tool yes"
done
[ -L "$root/current" ] && echo "current $(basename "$(readlink "$root/current")")"
[ -L "$root/previous" ] && echo "previous $(basename "$(readlink "$root/previous")")"
[ -L "$root/runtime/current" ] && echo "runtimeCurrent $(basename "$(readlink "$root/runtime/current")")"
for folder in "$root"/runtime/*; do
  name=${folder##*/}
  [ -d "$folder" ] && [ ${#name} -eq 64 ] && echo "runtime:$name yes"
done
for folder in "$root"/releases/*; do
  name=${folder##*/}
  [ -d "$folder" ] && [ ${#name} -eq 16 ] && echo "release:$name yes"
done
# A pid alone may belong to another program by now, or to a process that has ended and that nobody has asked for its status.
pid=$(cat "$root/supervisor.pid" 2>/dev/null)
if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q " supervise "; then echo "supervisor $pid"; fi
# What state.json says is true only while the process that wrote it lives.
pid=$(tr -d '\n' <"$root/state.json" 2>/dev/null | sed 's/.*"pid": *\([0-9]*\).*/\1/')
if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF " $(cd "$root" && pwd -P)"; then echo "agentAlive yes"; fi
for name in state ledger pending confirming reverting rollout; do
  # Not echo, which makes line feeds of what JSON writes as \n.
  [ -r "$root/$name.json" ] && printf '%s %s\n' "$name" "$(tr -d '\n' <"$root/$name.json")"
done
for file in "$root"/locks/[0-9]*; do
  [ -r "$file" ] && echo "lock ${file##*/} $(cat "$file")"
done
[ "$1" = preflight ] || exit 0
echo "user $(id -un 2>/dev/null || id -u 2>/dev/null)"
[ -d "$HOME" ] || echo "homeMissing yes"
# Something else where a folder or a link of ours is to be, and folders in which this user may not write.
for name in . blobs blobs/sha256 releases runtime locks; do
  if [ "$name" = . ]; then path=$root; else path="$root/$name"; fi
  if [ -d "$path" ]; then
    [ -w "$path" ] && [ -x "$path" ] || echo "unwritable:$name $(ls -ld "$path" 2>/dev/null | awk '{print $3}')"
  elif [ -e "$path" ] || [ -L "$path" ]; then echo "inTheWay:$name yes"
  fi
done
for name in current previous runtime/current; do
  if [ -e "$root/$name" ] && [ ! -L "$root/$name" ]; then echo "inTheWay:$name yes"; fi
done
# /proc/mounts writes a space of a path as \040; the last mount at a place is the one that is seen.
at=$(df -P "$place" 2>/dev/null | sed -n '2s/.*% *\(\/.*\)$/\1/p' | sed 's/ /\\040/g')
echo "mountOptions $(at="$at" awk '$2 == ENVIRON["at"] {options = $4} END {print options}' /proc/mounts 2>/dev/null)"
if [ -d "$root/blobs" ]; then echo "blobKilobytes $(du -sk "$root/blobs" 2>/dev/null | cut -f1)"; else echo "blobKilobytes 0"; fi
echo "fileBlocksLimit $(ulimit -f)"
echo "addressKilobytesLimit $(ulimit -v)"
echo "openFilesLimit $(ulimit -n)"
echo "listening $(awk '$4 == "0A" {print $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null | tr '\n' ' ')"
exit 0
