# Takes away the folder $1 (below ~/.edgewise), and of the hex digests on stdin every blob, or part of one, that nothing else links to.
root="$HOME/.edgewise"
rm -rf "$root/$1" "$root/$1.partial" || exit 1
# The folder that it lay in, where that was for such folders only.
rmdir "$root/$(dirname "$1")" 2>/dev/null
cd "$root/blobs/sha256" 2>/dev/null || exit 0
while read -r digest; do
  rm -f "$digest.partial"
  # The blob itself is one name; each folder that has it is another.
  case "$(ls -ln "$digest" 2>/dev/null | awk '{print $2}')" in 1) rm -f "$digest" || exit 1 ;; esac
done
exit 0
