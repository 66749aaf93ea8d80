#!/usr/bin/env bash
# Makes every icon in icons/generated from the two drawings. Needs Node; run it after a drawing changed and commit what it wrote.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../src-tauri"
[ -d node_modules ] || npm ci
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
made=../icons/generated
rm -rf "$made" && mkdir -p "$made"
npx --no-install tauri icon ../icons/shoal.svg --output "$out/app"
cp "$out/app"/{32x32,64x64,128x128,128x128@2x,icon}.png "$out/app"/icon.{ico,icns} "$made"
for shade in dark light; do
  npx --no-install tauri icon "../icons/tray-$shade.svg" --output "$out/$shade" --png 16,32,64
  cp "$out/$shade/32x32.png" "$made/tray-$shade.png"
done
