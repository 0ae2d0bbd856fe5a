# Makes release $1 the current one by one rename; the one before becomes `previous`. $1 = - takes `current` away.
root="$HOME/.edgewise"
cd "$root" || exit 1
before=$(readlink current 2>/dev/null)
if [ "$1" = - ]; then rm -f current; exit 0; fi
[ -d "releases/$1" ] || { echo "no release $1" >&2; exit 1; }
if [ -n "$before" ] && [ "$before" != "releases/$1" ]; then
  ln -sfn "$before" previous.new && mv -T previous.new previous || exit 1
fi
ln -sfn "releases/$1" current.new && mv -T current.new current
