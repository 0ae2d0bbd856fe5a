# Prints the SHA-256 of pieces of the part of blob $1 that has arrived, one a line, in order: of those of $2 bytes whose
# numbers follow as FIRST:COUNT, as far as the part goes.
cd "$HOME/.edgewise/blobs/sha256" || exit 1
if command -v sha256sum >/dev/null 2>&1; then digest() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then digest() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then digest() { openssl dgst -sha256 -r; }
else exit 8
fi
part="$1.partial"
bytes=$2
size=$(wc -c <"$part" 2>/dev/null) || exit 0
shift 2
for run; do
  piece=${run%:*}
  end=$((piece + ${run#*:}))
  while [ "$piece" -lt "$end" ] && [ $((piece * bytes)) -lt "$size" ]; do
    dd if="$part" bs="$bytes" skip="$piece" count=1 2>/dev/null | digest | cut -c1-64
    piece=$((piece + 1))
  done
done
exit 0
