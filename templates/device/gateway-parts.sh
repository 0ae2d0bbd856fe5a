# Which parts on this gateway are whose: users/<device> holds "<release> <part>" lines.
# add DEVICE RELEASE: takes the part names on stdin as those of that release.
# keep DEVICE RELEASE...: forgets the device's other releases, then removes every part that nobody has any more; prints their names.
home="$HOME/.edgewise/gateway"
mkdir -p "$home/parts" "$home/users" && cd "$home" || exit 1
mode=$1
device=$2
shift 2
case "$mode" in
add)
  while read -r part; do
    grep -qxF "$1 $part" "users/$device" 2>/dev/null || echo "$1 $part" >>"users/$device" || exit 1
  done
  ;;
keep)
  if [ -f "users/$device" ]; then
    : >"users/.$device.partial" || exit 1
    for release in "$@"; do grep "^$release " "users/$device" >>"users/.$device.partial"; done
    mv -f "users/.$device.partial" "users/$device" || exit 1
    [ -s "users/$device" ] || rm -f "users/$device"
  fi
  for path in parts/*; do
    part=${path#parts/}
    [ -d "$path" ] || continue
    if cat users/* 2>/dev/null | cut -d' ' -f2 | grep -qxF "$part"; then continue; fi
    rm -rf "$path" && echo "$part"
  done
  ;;
esac
exit 0
