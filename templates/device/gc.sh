# Finds what no kept release needs; with $1 = remove it is taken away. Prints "kind bytes name" a line.
# Kept: every release that a link below ~/.edgewise points at (current, previous), or that an open switch goes to or may go
# back to, the one that the agent serves, and their runtimes; what the gateway program serves, and its runtime; the runtime $2 (hex), which would be sent again; uploads that were cut off less than a week ago.
root="$HOME/.edgewise"
cd "$root" 2>/dev/null || exit 0
releases=" "
for link in * .[!.]*; do
  if [ -L "$link" ]; then
    case "$(readlink "$link")" in *releases/*) releases="$releases$(basename "$(readlink "$link")") " ;; esac
  fi
done
serving=$(tr -d '\n' <state.json 2>/dev/null | sed -n 's/.*"release" *: *"\([^"]*\)".*/\1/p')
releases="$releases$serving "
open=$(cat pending.json confirming.json reverting.json 2>/dev/null | tr -d '\n' | tr ',' '\n')
releases="$releases$(echo "$open" | sed -n 's/.*"\(to\|from\|fromPrevious\)" *: *"\([^"]*\)".*/\2/p' | tr '\n' ' ')"
runtimes=" $2 $(basename "$(readlink runtime/current 2>/dev/null)") "
for id in $releases; do
  for digest in $(tr -d '\n' <"releases/$id/release.json" 2>/dev/null | sed -n 's/.*"runtime" *: *"sha256:\([0-9a-f]*\)".*/\1/p'); do
    runtimes="$runtimes$digest "
  done
done
runtimes="$runtimes$(echo "$open" | sed -n 's/.*"\(toRuntime\|fromRuntime\)" *: *"\([^"]*\)".*/\2/p' | tr '\n' ' ')"
for pid in $(cat supervisor.pid gateway/supervisor.pid 2>/dev/null); do
  case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in "$root"/runtime/*)
    path=$(readlink "/proc/$pid/exe")
    path=${path#"$root"/runtime/}
    runtimes="$runtimes${path%%/*} " ;;
  esac
done
kept=""
for folder in gateway/parts/*; do
  if [ -d "$folder" ]; then kept="$kept $folder"; fi
done
for folder in releases/* runtime/* work/*; do
  # runtime/current is a link to one that is kept.
  if [ ! -d "$folder" ] || [ -L "$folder" ]; then continue; fi
  name=$(basename "$folder")
  case "$folder" in
  releases/*) kind=release list=$releases ;;
  runtime/*) kind=runtime list=$runtimes ;;
  *) kind=work list="" ;;
  esac
  case "$list" in *" $name "*) kept="$kept $folder"; continue ;; esac
  echo "$kind 0 $name"
  if [ "$1" = remove ]; then rm -rf "$folder" || exit 1; fi
done
# Files of releases and runtimes are hard links to blobs: a blob whose inode none of the kept has is needed by nobody.
inodes=$(mktemp) || exit 1
trap 'rm -f "$inodes"' EXIT
if [ -n "$kept" ]; then find $kept -type f -exec ls -i {} + | awk '{print $1}' >"$inodes"; fi
if [ -d blobs/sha256 ]; then
  find blobs/sha256 -type f ! -name '*.partial' -exec ls -iln {} + |
    awk -v kept="$inodes" 'BEGIN {while ((getline inode <kept) > 0) used[inode] = 1} !($1 in used) {print "blob", $6, $NF}'
  find blobs/sha256 -type f -name '*.partial' -mtime +7 -exec ls -iln {} + | awk '{print "partial", $6, $NF}'
fi | while read -r kind bytes path; do
  echo "$kind $bytes $(basename "$path")"
  if [ "$1" = remove ]; then rm -f "$path" || exit 1; fi
done
