# Makes release $1 the current one by one rename; - takes `current` away. `previous` becomes what was current before,
# or $2 where that is given (- takes it away): going back must not make the failed release the one to go back to.
root="$HOME/.edgewise"
cd "$root" || exit 1
before=$(readlink current 2>/dev/null)
point() { ln -sfn "releases/$2" "$1.new" && mv -T "$1.new" "$1"; }
if [ "$1" != - ] && [ ! -d "releases/$1" ]; then
  echo "no release $1" >&2
  exit 1
fi
case "${2:-}" in
'') if [ -n "$before" ] && [ "$before" != "releases/$1" ]; then point previous "${before#releases/}" || exit 1; fi ;;
-) rm -f previous ;;
*) point previous "$2" || exit 1 ;;
esac
if [ "$1" = - ]; then rm -f current; else point current "$1"; fi
