# What a doctor asks besides the hardware, as "key value" lines. Changes nothing.
echo "clock $(date +%s)"
for tool in sha256sum shasum openssl; do
  if command -v "$tool" >/dev/null 2>&1; then echo "sha256 $tool"; break; fi
done
