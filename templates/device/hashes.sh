# $1 = a release: prints the SHA-256 and the path of each of its files, as they lie on the disk now.
set -eu
cd "$HOME/.edgewise/releases/$1"
find . -type f ! -name release.json ! -name manifest.json ! -name '*.dsse.json' -exec sha256sum {} +
