# Makes the folder $1 (below ~/.edgewise) out of blobs, whole or not at all. An existing folder is left as it is.
# stdin: "<hex digest> <x or -> <path>" a line; files are hard links to the blobs, x makes them executable.
root="$HOME/.edgewise"
target="$root/$1"
[ -d "$target" ] && exit 0
partial="$target.partial"
rm -rf "$partial"
mkdir -p "$partial"
while read -r digest mode path; do
  mkdir -p "$partial/$(dirname "$path")" || exit 1
  if [ "$mode" = x ]; then chmod 500 "$root/blobs/sha256/$digest" || exit 1; fi
  ln "$root/blobs/sha256/$digest" "$partial/$path" || exit 1
done
if [ "$EDGEWISE_DIES_AFTER" = tree:linked ]; then kill -9 $$; fi
sync "$partial" 2>/dev/null || sync
mv "$partial" "$target" || exit 1
if [ "$EDGEWISE_DIES_AFTER" = tree:named ]; then kill -9 $$; fi
exit 0
