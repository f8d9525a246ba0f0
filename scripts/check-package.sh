#!/usr/bin/env bash
# Packs Rondo, installs the package into an empty folder as a stranger would, and uses it there: the command line,
# the library and its types. Fails on anything that does not work, and where the installation is too large.
set -euo pipefail

readonly MAX_INSTALLED_MB=120
repository=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "check-package: $1" >&2
  exit 1
}

cd "$repository"
rm -rf dist
tarball="$folder/$(npm pack --silent --pack-destination "$folder" | tail -n 1)"
[ -f "$tarball" ] || fail "npm pack wrote no package"
if tar -tzf "$tarball" | grep -E '\.test\.|\.suite\.|\.map$'; then
  fail "the package holds the files above, which no user needs"
fi

mkdir "$folder/app"
cd "$folder/app"
echo '{ "private": true, "type": "module" }' > package.json
npm install --omit=dev --no-audit --no-fund --loglevel=error "$tarball"

version=$(npx rondo --version)
[ "$version" = "$(node -p "require('$repository/package.json').version")" ] || fail "rondo --version says $version"

npx rondo generate --prompt "hello" --max-tokens 8 --json | tail -n 1 > reply.json
node --input-type=module -e '
  import { readFileSync } from "node:fs";
  const { text, usage } = JSON.parse(readFileSync("reply.json", "utf8"));
  if (typeof text !== "string" || !(usage.completionTokens >= 1 && usage.completionTokens <= 8)) process.exit(1);
' || fail "rondo generate answered $(cat reply.json)"

cat > use.mjs <<'SCRIPT'
import { loadModel } from "rondo";
// "kernel" fails where the package came without the attention kernel, instead of doing without.
const model = await loadModel("node_modules/rondo/models/rondo-demo.gguf", { attentionBackend: "kernel" });
const { usage } = await model.createChat().send("hello", { maxTokens: 4 }).done;
await model.close();
if (!(usage.promptTokens > 0 && usage.completionTokens > 0)) throw new Error(JSON.stringify(usage));
SCRIPT
node use.mjs || fail "the library does not work"

# The second line must not compile: it would if the types resolved to nothing.
cat > use.ts <<'SCRIPT'
import { loadModel } from "rondo";
// @ts-expect-error
export const text: number = (await (await loadModel("a.gguf")).createChat().send("hello").done).text;
SCRIPT
"$repository/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --module nodenext --target es2023 \
  --lib es2023,esnext.disposable --ignoreConfig use.ts || fail "the types do not work"

installed_mb=$(du -sm node_modules | cut -f 1)
echo "installed: $installed_mb MB of at most $MAX_INSTALLED_MB; package: $(du -k "$tarball" | cut -f 1) KB"
[ "$installed_mb" -lt "$MAX_INSTALLED_MB" ] || fail "the installation is too large"
