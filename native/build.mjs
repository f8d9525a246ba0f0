// Builds the attention kernel by calling the C++ compiler, quietly. Needs nothing but node and a compiler.
//
//   node native/build.mjs                              native/build/librondo-attention.so (.dylib, .dll)
//   node native/build.mjs --target=aarch64 --out=DIR   the same for another processor, into DIR
//   node native/build.mjs --test [CASES]               builds and runs the kernel's own test
//       --sanitize=address,undefined | thread          under sanitizers
//       --target=aarch64                               for 64-bit ARM, under qemu-aarch64
//       --emulate-avx512                               the AVX-512 build as well, on a processor without it
//   node native/build.mjs --bench [THREADS [ISA]]      builds and runs the kernel's benchmark (x86-64)
//
// Exit status: 0 done, or a test skipped with its reason printed; 1 failed; 3 no compiler here.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const NO_COMPILER = 3;
const NATIVE = dirname(fileURLToPath(import.meta.url));
const COMMON = ["attention", "plan", "kernels", "write", "reduce", "read"];
const AVX2 = ["-mavx2", "-mfma", "-mf16c"];
/** Translation units of a processor beside the common ones, each with the flags that only it may have. */
const BUILDS = {
  x86_64: {
    kernel_portable: [],
    kernel_avx2: AVX2,
    // GCC 12 warns about its own header.
    kernel_avx512: [
      ...AVX2,
      "-mavx512f",
      "-mavx512bw",
      "-mavx512vl",
      "-Wno-uninitialized",
      "-Wno-maybe-uninitialized",
    ],
  },
  aarch64: { kernel_portable: [], kernel_neon: [] },
  other: { kernel_portable: [] },
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    test: { type: "boolean", default: false },
    bench: { type: "boolean", default: false },
    sanitize: { type: "string" },
    target: { type: "string" },
    out: { type: "string" },
    "emulate-avx512": { type: "boolean", default: false },
  },
});

function hostProcessor() {
  return { x64: "x86_64", arm64: "aarch64" }[process.arch] ?? "other";
}

function runs(command, ...args) {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** The first compiler that answers, or undefined. */
function findCompiler(processor) {
  const cross = processor !== hostProcessor();
  const candidates = cross
    ? [`${processor}-linux-gnu-g++`]
    : [process.env.CXX, "c++", "g++", "clang++"].filter(Boolean);
  return candidates.find((name) => runs(name, "--version"));
}

function flags(unit, processor) {
  const common = [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    "-fPIC",
    "-fno-rtti",
    "-fno-exceptions",
    "-fno-math-errno",
  ];
  // A guard of a static variable would need the C++ runtime.
  common.push("-fvisibility=hidden", "-fno-threadsafe-statics");
  const own = BUILDS[processor][unit] ?? [];
  if (emulated()) {
    return [
      ...common,
      "-O2",
      "-DRONDO_EMULATE_AVX512",
      ...(unit === "kernel_avx512" ? [...AVX2, "-w"] : own),
    ];
  }
  if (options.sanitize !== undefined) {
    return [...common, "-O1", "-g", `-fsanitize=${options.sanitize}`, "-fno-sanitize-recover=all", ...own];
  }
  return [...common, "-O3", ...own];
}

/** A folder of objects for each way to compile, so that one does not overwrite another's. */
function objectFolder(processor) {
  const variant = options.sanitize ?? (emulated() ? "emulated" : "release");
  return join(NATIVE, "build", "objects", `${processor}-${variant.replaceAll(",", "-")}`);
}

function newestSource(folders) {
  const files = [join(NATIVE, "rondo_attention.h"), fileURLToPath(import.meta.url)];
  for (const folder of folders) {
    for (const name of readdirSync(join(NATIVE, folder))) files.push(join(NATIVE, folder, name));
  }
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

function isCurrent(file, folders = emulated() ? ["src", "test"] : ["src"]) {
  return existsSync(file) && statSync(file).mtimeMs > newestSource(folders);
}

/** Whether the AVX-512 build is made of what test/ has for a processor without it. */
function emulated() {
  return options["emulate-avx512"];
}

function compile(compiler, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("exit", (status) =>
      status === 0 ? resolve() : reject(new Error(`${compiler} ${args.join(" ")}: exit ${status}`)),
    );
  });
}

async function compileUnits(compiler, processor) {
  const folder = objectFolder(processor);
  mkdirSync(folder, { recursive: true });
  const units = [...COMMON, ...Object.keys(BUILDS[processor])];
  const objects = units.map((unit) => join(folder, `${unit}.o`));
  // The largest units come last in the list: starting there keeps every core busy to the end.
  const waiting = units.filter((_, i) => !isCurrent(objects[i]));
  const worker = async () => {
    for (let unit = waiting.pop(); unit !== undefined; unit = waiting.pop()) {
      const object = join(folder, `${unit}.o`);
      await compile(compiler, [
        ...flags(unit, processor),
        "-c",
        join(NATIVE, "src", `${unit}.cc`),
        "-o",
        object,
      ]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

async function buildLibrary(compiler, processor) {
  const suffix = { darwin: ".dylib", win32: ".dll" }[process.platform] ?? ".so";
  const folder = options.out ?? join(NATIVE, "build");
  const file = join(folder, `librondo-attention${suffix}`);
  if (isCurrent(file)) return;
  const objects = await compileUnits(compiler, processor);
  mkdirSync(folder, { recursive: true });
  // Renamed into place: a process that has the old library open keeps it.
  const temporary = `${file}.${process.pid}`;
  const link = process.platform === "linux" ? ["-Wl,-z,now", "-Wl,--as-needed", "-Wl,-s"] : [];
  await compile(compiler, ["-shared", ...objects, ...link, "-o", temporary]);
  renameSync(temporary, file);
}

async function buildProgram(compiler, processor, source, name) {
  const folder = objectFolder(processor);
  const file = join(folder, name);
  if (isCurrent(file, ["src", "test", "bench"])) return file;
  const objects = await compileUnits(compiler, processor);
  const sanitize = options.sanitize === undefined ? [] : [`-fsanitize=${options.sanitize}`, "-g"];
  const cross = processor === hostProcessor() ? [] : ["-static"];
  await compile(compiler, [
    "-std=c++17",
    "-O2",
    "-Wall",
    "-Wextra",
    ...sanitize,
    ...cross,
    source,
    ...objects,
    "-pthread",
    "-o",
    file,
  ]);
  return file;
}

function runProgram(file, processor, args) {
  const command = processor === hostProcessor() ? [file, ...args] : [`qemu-${processor}`, file, ...args];
  const { status, signal } = spawnSync(command[0], command.slice(1), { stdio: "inherit" });
  if (status !== 0) console.error(`${command.join(" ")}: ${signal ?? `exit ${status}`}`);
  return status === 0 ? 0 : 1;
}

/** Why a wanted test cannot run here, or undefined. */
function missingForTest(processor, compiler) {
  if (compiler === undefined)
    return processor === hostProcessor() ? undefined : `no ${processor}-linux-gnu-g++`;
  if (processor !== hostProcessor() && !runs(`qemu-${processor}`, "--version")) return `no qemu-${processor}`;
  return undefined;
}

async function main() {
  const processor = options.target ?? hostProcessor();
  if (BUILDS[processor] === undefined) {
    console.error(`--target=${processor}: known are ${Object.keys(BUILDS).join(", ")}`);
    return 1;
  }
  const compiler = findCompiler(processor);
  const missing = options.test ? missingForTest(processor, compiler) : undefined;
  if (missing !== undefined) {
    console.log(`skipped: ${missing}`);
    return 0;
  }
  if (compiler === undefined) {
    console.error(
      "attention kernel: no C++ compiler found (c++, g++ or clang++); ggml's own operations are used",
    );
    return NO_COMPILER;
  }
  if (options.test) {
    const source = join(NATIVE, "test", "attention_test.cc");
    return runProgram(
      await buildProgram(compiler, processor, source, "attention_test"),
      processor,
      positionals,
    );
  }
  if (options.bench) {
    const source = join(NATIVE, "bench", "bench.cc");
    return runProgram(await buildProgram(compiler, processor, source, "bench"), processor, positionals);
  }
  await buildLibrary(compiler, processor);
  return 0;
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return 1;
});
