# Takes or gives back the device's lock: $1 take|free, $2 owner, $3 lease in seconds.
# take prints "fence N"; exit 7 and "owner seconds-left" when someone else has it.
# Each holder has a number, one higher than the last: locks/N is made by link(2), which only one of two takers can do,
# and whoever comes with a lower number later (a controller that was frozen) is refused at the switch.
# Between two looks of a rollout nobody has the lock, but the device is held for the rollout, in the same file:
# "owner expires boot rollout held-until". take: $4 the rollout that one comes for and $5 for how many seconds it is held from
# then on; "- 0" for none; $6 over to take it whatever it is held for. exit 8 and "rollout seconds-left" when it is held for another
# one. free: with let-go what is held ends, else it stays. hold, without the lock: $2 rollout, $3 seconds, 0 to end it.
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
rollout=
until=0
[ "$newest" -gt 0 ] && read -r owner expires lease_boot rollout until <"$locks/$newest"
: "${rollout:=-}" "${until:=0}"
# Whatever was to last until some uptime of another boot is over.
if [ "$lease_boot" != "$boot" ]; then until=0; fi
mine="$locks/.$$"
rewrite() { echo "$1 $2 $boot $3 $4" >"$mine" && mv -f "$mine" "$locks/$newest"; }
case "$1" in
free)
  # The number stays: the next holder's must be higher.
  [ "$owner" = "$2" ] || exit 0
  if [ "$4" = let-go ]; then rewrite - 0 - 0; else rewrite - 0 "$rollout" "$until"; fi
  exit 0
  ;;
hold)
  if [ "$rollout" != "$2" ]; then
    echo "$rollout $((until > now ? until - now : 0))"
    exit 8
  fi
  # Who has the lock carries on what is held.
  [ "$owner" = - ] || { [ "$lease_boot" = "$boot" ] && [ "${expires:-0}" -gt "$now" ] && exit 0; }
  if [ "$3" -gt 0 ]; then rewrite - 0 "$2" $((now + $3)); else rewrite - 0 - 0; fi
  exit
  ;;
esac
holds="${4:--} $((now + ${5:-0}))"
if [ "$owner" = "$2" ]; then
  echo "$2 $((now + $3)) $boot $holds" >"$mine" && mv -f "$mine" "$locks/$newest" && echo "fence $newest"
  exit
fi
# Uptime and boot id, never wall time: a device's clock may jump.
if [ "$owner" != - ] && [ "$lease_boot" = "$boot" ] && [ "${expires:-0}" -gt "$now" ]; then
  echo "$owner $((expires - now))"
  exit 7
fi
if [ "$rollout" != - ] && [ "$rollout" != "$4" ] && [ "$6" != over ] && [ "$until" -gt "$now" ]; then
  echo "$rollout $((until - now))"
  exit 8
fi
next=$((newest + 1))
echo "$2 $((now + $3)) $boot $holds" >"$mine" || exit 1
if ln "$mine" "$locks/$next" 2>/dev/null; then
  if [ "$EDGEWISE_DIES_AFTER" = lock:linked ]; then kill -9 $$; fi
  rm -f "$mine"
  # Takers that died before the link left theirs.
  rm -f "$locks"/.[0-9]*
  for file in "$locks"/[0-9]*; do [ "${file##*/}" -lt "$next" ] && rm -f "$file"; done
  echo "fence $next"
else
  # Somebody was faster by a moment, and may have given it back by now.
  rm -f "$mine"
  owner=-
  [ -e "$locks/$next" ] && read -r owner expires rest <"$locks/$next"
  if [ "$owner" = - ]; then echo "another-controller $3"; else echo "$owner $((expires - now))"; fi
  exit 7
fi
