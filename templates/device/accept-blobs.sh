# Reads hex digests from stdin: checks each <digest>.partial at rest and gives it its final name.
# A file whose content is not its name is removed; exit 9 and its digest on stderr.
blobs="$HOME/.edgewise/blobs/sha256"
cd "$blobs" || exit 1
if command -v sha256sum >/dev/null 2>&1; then digest_of() { sha256sum "$1" | cut -c1-64; }
elif command -v shasum >/dev/null 2>&1; then digest_of() { shasum -a 256 "$1" | cut -c1-64; }
elif command -v openssl >/dev/null 2>&1; then digest_of() { openssl dgst -sha256 -r "$1" | cut -c1-64; }
else echo "no sha256sum, shasum or openssl" >&2; exit 8
fi
bad=0
while read -r digest; do
  if [ "$(digest_of "$digest.partial")" = "$digest" ]; then
    sync "$digest.partial" 2>/dev/null || sync
    chmod 400 "$digest.partial"
    mv -f "$digest.partial" "$digest"
    if [ "$EDGEWISE_DIES_AFTER" = blob:named ]; then kill -9 $$; fi
  else
    rm -f "$digest.partial"
    echo "$digest" >&2
    bad=9
  fi
done
exit $bad
