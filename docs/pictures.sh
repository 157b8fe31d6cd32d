#!/bin/sh
# Takes the pictures of docs/gates.md: the pages of internal/server/testdata as chromium shows them, scripts or not.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp internal/server/page/style.css "$dir"
for page in internal/server/testdata/pages/*.html; do
  sed 's|/gates/style.css|style.css|' "$page" > "$dir/$(basename "$page")"
done
shoot() { # PAGE SIZE PICTURE [FLAG]
  chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars ${4:-} \
    --window-size="$2" --screenshot="$PWD/docs/$3.png" "file://$dir/$1.html" 2>/dev/null
  if command -v pngquant >/dev/null; then pngquant --force --ext .png 32 "docs/$3.png"; fi
}
shoot block 960,960 gate-block
shoot rollback 390,1400 gate-rollback-phone
shoot healthy 390,1400 gate-healthy-phone --blink-settings=preferredColorScheme=0
