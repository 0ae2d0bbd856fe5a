# Takes "<hex digest>:<bytes>" words, as arguments or on stdin where there are too many, and prints those the device does
# not have: "lacks <digest> <bytes of a part that is there>". Then what sending them takes: room, and tools that shorten it.
root="$HOME/.edgewise"
blobs="$root/blobs/sha256"
mkdir -p "$blobs" || exit 1
chmod 700 "$root"
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cat; fi | while IFS=: read -r digest bytes; do
  [ -f "$blobs/$digest" ] && continue
  size=0
  [ -f "$blobs/$digest.partial" ] && size=$(wc -c <"$blobs/$digest.partial")
  # Nothing shortens a part later on.
  [ "$size" -gt "$bytes" ] && rm -f "$blobs/$digest.partial" && size=0
  echo "lacks $digest $((size))"
done
echo "freeKilobytes $(df -Pk "$blobs" 2>/dev/null | awk 'NR==2 {print $4}')"
for tool in gzip tar zstd; do
  command -v "$tool" >/dev/null 2>&1 && echo "tool:$tool yes"
done
exit 0
