import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { byteLevelMetadata, writeVocabulary } from "./vocabulary-fixtures.ts";

const MODULE = JSON.stringify(new URL("./vocabulary.ts", import.meta.url).href);

/** Runs `script` after `Vocabulary` and `path` are there, in a process of its own. */
function run(path: string, script: string): { status: number | null; stdout: string; stderr: string } {
  const source = `const { Vocabulary } = await import(${MODULE}); const path = ${JSON.stringify(path)}; ${script}`;
  return spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", source], {
    encoding: "utf8",
    timeout: 30_000,
  });
}

test("loading and failing to load write nothing to the terminal", async () => {
  await using sound = await writeVocabulary(byteLevelMetadata());
  await using broken = await writeVocabulary(byteLevelMetadata("nonsense"));
  const script = `
    const vocabulary = await Vocabulary.load(path);
    const refused = await Vocabulary.load(${JSON.stringify(broken.path)}).catch((error) => error.code);
    console.log(vocabulary.size, refused);`;
  expect(run(sound.path, script)).toMatchObject({ status: 0, stdout: "269 VOCABULARY_FAILED\n", stderr: "" });
});

test("a process may exit while a vocabulary loads", async () => {
  await using file = await writeVocabulary(byteLevelMetadata());
  const script = "for (let i = 0; i < 8; i += 1) void Vocabulary.load(path); process.exit(3);";
  expect(run(file.path, script)).toMatchObject({ status: 3, stderr: "" });
});
