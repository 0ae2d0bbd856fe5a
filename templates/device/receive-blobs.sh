# Takes in what comes on stdin for blobs that are not whole yet. Whether it is right is asked afterwards (accept-blobs.sh).
# stripe DIGEST BLOCK: into its part, from block BLOCK of 64 KiB on; what lies around it stays.
# bundle: a tar archive of small parts. drop DIGEST...: gives back the room that parts take.
cd "$HOME/.edgewise/blobs/sha256" || exit 1
umask 077
LC_ALL=C
export LC_ALL
case "$1" in
stripe) exec dd of="$2.partial" bs=65536 seek="$3" conv=notrunc ;;
bundle) exec tar -xof - ;;
drop)
  shift
  for digest; do rm -f "$digest.partial"; done
  ;;
esac
