# Prints the SHA-256 of each piece of $2 bytes of the part of blob $1 that has arrived, one a line, in order.
cd "$HOME/.edgewise/blobs/sha256" || exit 1
if command -v sha256sum >/dev/null 2>&1; then digest() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then digest() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then digest() { openssl dgst -sha256 -r; }
else exit 8
fi
size=$(wc -c <"$1.partial" 2>/dev/null) || exit 0
piece=0
while [ $((piece * $2)) -lt "$size" ]; do
  dd if="$1.partial" bs="$2" skip="$piece" count=1 2>/dev/null | digest | cut -c1-64
  piece=$((piece + 1))
done
