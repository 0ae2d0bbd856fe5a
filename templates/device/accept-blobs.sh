# Takes hex digests, as arguments or on stdin where there are too many: checks each <digest>.partial at rest and gives it its
# final name. A file whose content is not its name is removed; exit 9 and its digest on stderr.
blobs="$HOME/.edgewise/blobs/sha256"
cd "$blobs" || exit 1
with_openssl() { openssl dgst -sha256 -r "$1" | cut -c1-64; }
if command -v sha256sum >/dev/null 2>&1; then with_tool() { sha256sum "$1" | cut -c1-64; }
elif command -v shasum >/dev/null 2>&1; then with_tool() { shasum -a 256 "$1" | cut -c1-64; }
elif command -v openssl >/dev/null 2>&1; then with_tool() { with_openssl "$1"; }
else echo "no sha256sum, shasum or openssl" >&2; exit 8
fi
is_large() { [ "$(wc -c <"$1")" -gt 4000000 ]; }
# openssl uses the processor's own instructions for it where coreutils do not, but takes longer to start.
if command -v openssl >/dev/null 2>&1; then
  digest_of() { if is_large "$1"; then with_openssl "$1"; else with_tool "$1"; fi; }
else
  digest_of() { with_tool "$1"; }
fi
# A power cut must not leave the name without its content, and a full disk may be told of only now.
if sync . 2>/dev/null; then flush() { sync "$1" 2>/dev/null; }; else flush() { sync; }; fi
# The disk takes a large file while the processor reads it again.
is_whole() {
  if is_large "$1.partial"; then
    flush "$1.partial" &
    found=$(digest_of "$1.partial")
    wait $! && [ "$found" = "$1" ]
  else
    flush "$1.partial" && [ "$(digest_of "$1.partial")" = "$1" ]
  fi
}
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cat; fi | {
  bad=0
  while read -r digest; do
    if is_whole "$digest"; then
      chmod 400 "$digest.partial"
      mv -f "$digest.partial" "$digest" || exit 1
      if [ "$EDGEWISE_DIES_AFTER" = blob:named ]; then kill -9 0; fi
    else
      rm -f "$digest.partial"
      echo "$digest" >&2
      bad=9
    fi
  done
  exit $bad
}
