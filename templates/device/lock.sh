# Takes or gives back the device's lock: $1 take|free, $2 owner, $3 lease in seconds.
# Exit 7 and "owner seconds-left" on stdout when someone else holds it. mkdir is the atomic step.
root="$HOME/.edgewise"
lock="$root/lock"
mkdir -p "$root"
now=$(cut -d. -f1 /proc/uptime)
boot=$(cat /proc/sys/kernel/random/boot_id)
case "$1" in
free)
  [ "$(cut -d' ' -f1 "$lock/lease" 2>/dev/null)" = "$2" ] && rm -rf "$lock"
  exit 0
  ;;
esac
if ! mkdir "$lock" 2>/dev/null; then
  read -r owner expires lease_boot <"$lock/lease" 2>/dev/null
  # Uptime and boot id, never wall time: a device's clock may jump. A lock without a lease belongs to a taker that died.
  if [ "$owner" != "$2" ] && [ "$lease_boot" = "$boot" ] && [ "${expires:-0}" -gt "$now" ]; then
    echo "$owner $((expires - now))"
    exit 7
  fi
  if [ -z "$owner" ]; then
    sleep 1
    if [ -s "$lock/lease" ]; then echo "another 0"; exit 7; fi
  fi
fi
echo "$2 $((now + $3)) $boot" >"$lock/lease.$$" && mv -f "$lock/lease.$$" "$lock/lease"
