# Takes in what comes on stdin for blobs that are not whole yet. Whether it is right is asked afterwards (accept-blobs.sh).
# stripe DIGEST BLOCK [ENCODING BYTES]: into its part, from block BLOCK of 64 KiB on; what lies around it stays.
# bundle [ENCODING BYTES]: a tar archive of small parts. drop DIGEST...: gives back the room that parts take.
# With ENCODING (gzip, zstd) no more than BYTES of what is decoded is taken. What was cut off leaves what was decoded of it.
umask 077
LC_ALL=C
export LC_ALL
root="$HOME/.edgewise"
mkdir -p "$root/blobs/sha256" && chmod 700 "$root" && cd "$root/blobs/sha256" || exit 1
decode() {
  case "$1" in
  gzip) gzip -dc ;;
  zstd) zstd -qdc -M8MB ;;
  esac | head -c "$2"
}
case "$1" in
stripe)
  [ $# -gt 3 ] || exec dd of="$2.partial" bs=65536 seek="$3" conv=notrunc
  decode "$4" "$5" | dd of="$2.partial" bs=65536 seek="$3" conv=notrunc
  ;;
bundle)
  [ $# -gt 1 ] || exec tar -xof -
  decode "$2" "$3" | tar -xof -
  ;;
drop)
  shift
  for digest; do rm -f "$digest.partial"; done
  ;;
esac
