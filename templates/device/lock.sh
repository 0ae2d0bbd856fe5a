# Takes or gives back the device's lock: $1 take|free, $2 owner, $3 lease in seconds.
# take prints "fence N"; exit 7 and "owner seconds-left" when someone else holds it.
# Each holder has a number, one higher than the last: locks/N is made by link(2), which only one of two takers can do,
# and whoever comes with a lower number later (a controller that was frozen) is refused at the switch.
root="$HOME/.edgewise"
locks="$root/locks"
mkdir -p "$locks" || exit 1
now=$(cut -d. -f1 /proc/uptime)
boot=$(cat /proc/sys/kernel/random/boot_id)
newest=0
for file in "$locks"/[0-9]*; do
  number=${file##*/}
  case "$number" in *[!0-9]*) continue ;; esac
  [ -e "$file" ] && [ "$number" -gt "$newest" ] && newest=$number
done
owner=-
expires=0
lease_boot=
[ "$newest" -gt 0 ] && read -r owner expires lease_boot <"$locks/$newest"
mine="$locks/.$$"
case "$1" in
free)
  # The number stays: the next holder's must be higher.
  [ "$owner" = "$2" ] && echo "- 0 $boot" >"$mine" && mv -f "$mine" "$locks/$newest"
  exit 0
  ;;
esac
if [ "$owner" = "$2" ]; then
  echo "$2 $((now + $3)) $boot" >"$mine" && mv -f "$mine" "$locks/$newest" && echo "fence $newest"
  exit
fi
# Uptime and boot id, never wall time: a device's clock may jump.
if [ "$owner" != - ] && [ "$lease_boot" = "$boot" ] && [ "${expires:-0}" -gt "$now" ]; then
  echo "$owner $((expires - now))"
  exit 7
fi
next=$((newest + 1))
echo "$2 $((now + $3)) $boot" >"$mine" || exit 1
if ln "$mine" "$locks/$next" 2>/dev/null; then
  if [ "$EDGEWISE_DIES_AFTER" = lock:linked ]; then kill -9 $$; fi
  rm -f "$mine"
  # Takers that died before the link left theirs.
  rm -f "$locks"/.[0-9]*
  for file in "$locks"/[0-9]*; do [ "${file##*/}" -lt "$next" ] && rm -f "$file"; done
  echo "fence $next"
else
  rm -f "$mine"
  echo "another-controller $3"
  exit 7
fi
