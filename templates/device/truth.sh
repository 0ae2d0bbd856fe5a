# All that a push needs to know before it touches anything, as "key value" lines, in one command. Changes nothing.
root="$HOME/.edgewise"
echo "home $HOME"
echo "architecture $(uname -m)"
echo "libc $( (getconf GNU_LIBC_VERSION || ldd --version) 2>&1 | head -n 1)"
place="$root"
[ -d "$place" ] || place="$HOME"
echo "freeKilobytes $(df -Pk "$place" 2>/dev/null | awk 'NR==2 {print $4}')"
echo "freeInodes $(df -Pi "$place" 2>/dev/null | awk 'NR==2 {print $4}')"
[ -w "$place" ] && echo "writable yes"
echo "clock $(date +%s)"
echo "uptime $(cut -d' ' -f1 /proc/uptime 2>/dev/null)"
echo "bootId $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
echo "memoryKilobytes $(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null)"
for tool in grep sed sha256sum shasum openssl gzip zstd ln mv mkdir awk cut tr dd; do
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
for name in state ledger pending confirming reverting; do
  [ -r "$root/$name.json" ] && echo "$name $(tr -d '\n' <"$root/$name.json")"
done
for file in "$root"/locks/[0-9]*; do
  [ -r "$file" ] && echo "lock ${file##*/} $(cat "$file")"
done
exit 0
