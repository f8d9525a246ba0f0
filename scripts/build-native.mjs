// Builds the attention kernel where a compiler is at hand; without one Rondo works through ggml's own operations.
//
//   node scripts/build-native.mjs              into native/build/, for this clone
//   node scripts/build-native.mjs --prebuilt   into native/prebuilt/, for the package: this platform, and on Linux
//                                              the other architecture too where its cross compiler is installed
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NO_COMPILER = 3;
const PROCESSORS = { x64: "x86_64", arm64: "aarch64" };

function build(...options) {
  const { status } = spawnSync(process.execPath, [join(ROOT, "native", "build.mjs"), ...options], {
    stdio: "inherit",
  });
  return status;
}

function prebuilt(arch) {
  const target = PROCESSORS[arch];
  const out = join(ROOT, "native", "prebuilt", `${process.platform}-${arch}`);
  return build(...(target === undefined ? [] : [`--target=${target}`]), `--out=${out}`);
}

function main() {
  if (!process.argv.includes("--prebuilt")) return build();
  const others =
    process.platform === "linux" ? Object.keys(PROCESSORS).filter((arch) => arch !== process.arch) : [];
  return (
    [process.arch, ...others].map(prebuilt).find((status) => status !== 0 && status !== NO_COMPILER) ?? 0
  );
}

const status = main();
process.exitCode = status === NO_COMPILER ? 0 : status;
