import { freemem } from "node:os";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ATTENTION_BACKENDS, Parts } from "../../test/support/parts.ts";
import { randomTokens } from "../../test/support/prompt.ts";
import { TinyModel } from "../../test/support/tiny-model.ts";
import { readGguf } from "../gguf/reader.ts";
import { architectures } from "./architectures/registry.ts";
import { availableMemoryBytes, checkFits, estimateMemory, type MemoryEstimate } from "./memory-estimate.ts";
import { placeWeights } from "./weight-placement.ts";

const GIB = 2 ** 30;

describe("the estimate", () => {
  const NUM_TOKENS = 512;
  let model: TinyModel;
  let parts: Parts;
  let estimate: MemoryEstimate;

  beforeAll(async () => {
    model = await TinyModel.write("tiny-llama-k", "Q4_0");
    parts = await Parts.load(model.path, { batchTokens: NUM_TOKENS });
    const h = parts.decoder.hyperparameters;
    const file = await readGguf(model.path);
    const placed = placeWeights(file, architectures.get(h.architecture), h, parts.backend);
    estimate = estimateMemory(placed, h, { numTokens: NUM_TOKENS, batchTokens: NUM_TOKENS });
  });

  afterAll(async () => {
    parts[Symbol.dispose]();
    await model[Symbol.asyncDispose]();
  });

  test("counts the weights as they will lie, a second copy of a tied embedding included", () => {
    expect(parts.weightBytes).toBeGreaterThanOrEqual(estimate.weightBytes);
    expect(parts.weightBytes).toBeLessThan(1.01 * estimate.weightBytes);
  });

  test("counts 2 · layers · KV heads · head width halves of KV for each token", () => {
    expect(estimate.kvBytes).toBe(NUM_TOKENS * 2 * 3 * 2 * 32 * 2);
  });

  test.each(ATTENTION_BACKENDS)(
    "is near what reading a prompt takes, attention by %s",
    async (attentionBackend) => {
      using own = await Parts.load(model.path, { batchTokens: NUM_TOKENS, attentionBackend });
      await own.distributions(randomTokens(NUM_TOKENS, 512), [NUM_TOKENS - 1]);
      const { computeBytes } = own.runner;
      expect(estimate.computeBytes).toBeGreaterThan(computeBytes / 2);
      expect(estimate.computeBytes).toBeLessThan(computeBytes * 3);
    },
  );

  test("is the sum of its parts", () => {
    const { weightBytes, kvBytes, computeBytes, totalBytes } = estimate;
    expect(totalBytes).toBe(weightBytes + kvBytes + computeBytes);
  });
});

describe("a model", () => {
  const estimate = { weightBytes: 3 * GIB, kvBytes: GIB / 2, computeBytes: GIB / 2, totalBytes: 4 * GIB };

  test("fits into as much as it needs", () => {
    expect(checkFits("model.gguf", estimate, 4 * GIB)).toBeUndefined();
  });

  test("that does not fit is refused with both numbers and what to do", () => {
    expect(() => checkFits("model.gguf", estimate, 4 * GIB - 1)).toThrow(
      expect.objectContaining({
        code: "MODEL_TOO_LARGE",
        message: expect.stringMatching(
          /loading model\.gguf: it needs 4\.00 GiB \(weights 3\.00 GiB\), 4\.00 GiB are free; close other programs/,
        ),
      }),
    );
  });

  test("that no machine holds is refused on this one", () => {
    expect(() => checkFits("model.gguf", { ...estimate, totalBytes: 2 ** 60 })).toThrow(
      expect.objectContaining({ code: "MODEL_TOO_LARGE" }),
    );
  });
});

describe("the memory at hand", () => {
  test("is what the machine has free where nothing limits the process", () => {
    const limit = vi.spyOn(process, "constrainedMemory").mockReturnValue(0);
    expect(Math.abs(availableMemoryBytes() - freemem())).toBeLessThan(GIB);
    // Node reports the absence of a limit as a number that no memory reaches.
    limit.mockReturnValue(Number(2n ** 64n - 1n));
    expect(Math.abs(availableMemoryBytes() - freemem())).toBeLessThan(GIB);
    limit.mockRestore();
  });

  test("is what a limit leaves to the process, where that is less", () => {
    const rss = process.memoryUsage.rss();
    const limit = vi.spyOn(process, "constrainedMemory").mockReturnValue(rss + 64 * 2 ** 20);
    expect(availableMemoryBytes()).toBeLessThan(128 * 2 ** 20);
    limit.mockRestore();
  });
});
