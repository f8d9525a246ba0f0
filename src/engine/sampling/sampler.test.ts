import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SamplingParameters, samplingParameters } from "../../core/sampling-parameters.ts";
import type { SamplingHistory } from "./adjustments.ts";
import { adjustedLogits, referenceDistribution, referenceToken } from "./sampler.reference.ts";
import { Sampler } from "./sampler.ts";

const EMPTY: SamplingHistory = { tokens: [], replyStart: 0 };

/** Neither truncates nor penalises. */
const PLAIN = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 } as const;

function sampler(input: Partial<SamplingParameters>, vocabularySize: number): Sampler {
  return new Sampler(samplingParameters({ ...PLAIN, ...input }), vocabularySize);
}

/** Small vocabularies full of ties, and larger ones without. */
const logitsArbitrary = fc.oneof(
  fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 40 }),
  fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 300 }),
);

const parametersArbitrary = fc.record({
  temperature: fc.constantFrom(0, 0.1, 0.7, 1, 3),
  topK: fc.constantFrom(0, 0, 1, 3, 40, 2_000),
  topP: fc.constantFrom(0, 0.3, 0.77, 0.95, 1, 1),
  minP: fc.constantFrom(0, 0, 0.013, 0.2, 1),
  repetitionPenalty: fc.constantFrom(1, 1, 1.3, 0.7),
  repetitionWindow: fc.constantFrom(0, 3, 64, Number.POSITIVE_INFINITY),
  frequencyPenalty: fc.constantFrom(0, 0, 0.5, -1),
  presencePenalty: fc.constantFrom(0, 0, 1.5),
  bias: fc.constantFrom(0, 0, -100, 2.5),
  seed: fc.maxSafeInteger(),
});

const caseArbitrary = fc.tuple(logitsArbitrary, parametersArbitrary).chain(([values, { bias, ...rest }]) => {
  const token = fc.nat(values.length - 1);
  const history = fc
    .tuple(fc.array(token, { maxLength: 12 }), fc.array(token, { maxLength: 12 }))
    .map(([prompt, reply]) => ({ tokens: [...prompt, ...reply], replyStart: prompt.length }));
  return fc.record({
    logits: fc.constant(Float32Array.from(values)),
    history,
    parameters: token.map((token) => samplingParameters({ ...rest, logitBias: { [token]: bias } })),
  });
});

describe("against a slow reference", () => {
  test("each draw is the token the reference distribution gives at the same point", () => {
    fc.assert(
      fc.property(caseArbitrary, ({ logits, history, parameters }) => {
        const { token } = new Sampler(parameters, logits.length).sample(logits, history);
        const distribution = referenceDistribution(logits, history, parameters);
        const replyLength = history.tokens.length - history.replyStart;
        expect(token).toBe(referenceToken(distribution, parameters.seed ?? 0, replyLength));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    { topK: 1_500 },
    { topP: 0.9 },
    { topK: 3_000, topP: 0.5, minP: 0.001 },
    { topK: 40, topP: 0.95, minP: 0.05, temperature: 0.7 },
  ])("also over a vocabulary of 5,000 (%j)", (input) => {
    const logits = Float32Array.from({ length: 5_000 }, (_, id) => 4 * Math.sin(id * id * 0.37) - (id % 11));
    for (let seed = 0; seed < 40; seed++) {
      const parameters = samplingParameters({ ...PLAIN, ...input, seed });
      const { token } = new Sampler(parameters, logits.length).sample(logits, EMPTY);
      expect(token).toBe(referenceToken(referenceDistribution(logits, EMPTY, parameters), seed, 0));
    }
  });

  test("many draws have the reference's distribution", () => {
    const logits = Float32Array.from([2, 1, 0, -1, 0.5, 2, -3, 1.5]);
    const parameters = samplingParameters({ ...PLAIN, temperature: 0.8, topK: 6, topP: 0.97, seed: 99 });
    const distribution = referenceDistribution(logits, EMPTY, parameters);
    const counts = new Map<number, number>();
    const draws = 20_000;
    const drawing = new Sampler(parameters, logits.length);
    for (let i = 0; i < draws; i++) {
      const { token } = drawing.sample(logits, { tokens: new Int32Array(i), replyStart: 0 });
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    expect([...counts.keys()].every((token) => distribution.has(token))).toBe(true);
    const chiSquare = [...distribution].reduce((sum, [token, probability]) => {
      const expected = probability * draws;
      return sum + ((counts.get(token) ?? 0) - expected) ** 2 / expected;
    }, 0);
    // At most five degrees of freedom: passed by 999 of 1,000 fair samplers, and by this seed.
    expect(chiSquare).toBeLessThan(20.5);
  });
});

describe("greedy", () => {
  test("takes the first of the largest logits", () => {
    expect(sampler({ temperature: 0 }, 5).sample(Float32Array.from([1, 3, 2, 3, 3]), EMPTY).token).toBe(1);
  });

  test("bias and penalties count", () => {
    const logits = Float32Array.from([1, 3, 2]);
    expect(sampler({ temperature: 0, logitBias: { 0: 5 } }, 3).sample(logits, EMPTY).token).toBe(0);
    const history = { tokens: [1, 1], replyStart: 0 };
    expect(sampler({ temperature: 0, frequencyPenalty: 0.75 }, 3).sample(logits, history).token).toBe(2);
  });
});

describe("penalties", () => {
  test("frequency and presence count the reply only, repetition the prompt too", () => {
    const logits = Float32Array.from([1, 1, 1, -1]);
    const history = { tokens: [0, 3, 1, 1], replyStart: 2 };
    const parameters = (input: Partial<SamplingParameters>) => samplingParameters({ ...PLAIN, ...input });
    expect(
      adjustedLogits(logits, history, parameters({ frequencyPenalty: 0.25, presencePenalty: 1 })),
    ).toEqual([1, -0.5, 1, -1]);
    expect(adjustedLogits(logits, history, parameters({ repetitionPenalty: 2 }))).toEqual([0.5, 0.5, 1, -2]);
    expect(
      adjustedLogits(logits, history, parameters({ repetitionPenalty: 2, repetitionWindow: 2 })),
    ).toEqual([1, 0.5, 1, -1]);
  });

  test("the logits are as before afterwards, even where sampling fails", () => {
    fc.assert(
      fc.property(caseArbitrary, ({ logits, history, parameters }) => {
        const before = logits.slice();
        new Sampler(parameters, logits.length).sample(logits, history);
        expect(logits).toEqual(before);
      }),
    );
    const broken = new Float32Array(4).fill(Number.NaN);
    expect(() => sampler({ logitBias: { 1: 2 } }, 4).sample(broken, EMPTY)).toThrow();
    expect(broken).toEqual(new Float32Array(4).fill(Number.NaN));
  });

  test("a bias for a token that does not exist is refused", () => {
    expect(() => sampler({ logitBias: { 4: 1 } }, 4)).toThrow(RangeError);
  });
});

describe("seeds", () => {
  const logits = Float32Array.from({ length: 1_000 }, (_, id) => Math.cos(id));
  const reply = (seed: number | undefined): { seed: number; tokens: readonly number[] } => {
    const drawing = sampler({ seed }, logits.length);
    const tokens: number[] = [];
    for (let i = 0; i < 50; i++) tokens.push(drawing.sample(logits, { tokens, replyStart: 0 }).token);
    return { seed: drawing.seed, tokens };
  };

  test("the same seed gives the same reply, another seed another one", () => {
    expect(reply(5)).toEqual(reply(5));
    expect(reply(5).tokens).not.toEqual(reply(6).tokens);
  });

  test("a seed drawn at random is told and repeats its reply", () => {
    const first = reply(undefined);
    expect(reply(first.seed).tokens).toEqual(first.tokens);
    expect(reply(undefined).tokens).not.toEqual(first.tokens);
  });
});

describe("log-probabilities", () => {
  const logits = Float32Array.from([0, 2, 1, 2]);
  const total = Math.log(1 + Math.E + 2 * Math.E ** 2);

  test("are not there where nobody asked", () => {
    expect(sampler({}, 4).sample(logits, EMPTY)).not.toHaveProperty("logprobs");
  });

  test("are the model's own, before bias, penalties and temperature", () => {
    const greedy = sampler({ temperature: 0, topLogprobs: 3, logitBias: { 0: 50 } }, 4);
    const { token, logprobs } = greedy.sample(logits, EMPTY);
    expect(token).toBe(0);
    expect(logprobs?.token).toBe(0);
    expect(logprobs?.logprob).toBeCloseTo(-total, 12);
    expect(logprobs?.top.map(({ token }) => token)).toEqual([1, 3, 2]);
    const expected = [2, 2, 1].map((logit) => logit - total);
    for (const [at, { logprob }] of (logprobs?.top ?? []).entries()) {
      expect(logprob).toBeCloseTo(expected[at] ?? 0, 12);
    }
  });

  test("of the chosen token alone where no others are asked for", () => {
    expect(sampler({ temperature: 0, topLogprobs: 0 }, 4).sample(logits, EMPTY).logprobs?.top).toEqual([]);
  });
});

describe("broken logits", () => {
  test.each([
    ["all NaN", [Number.NaN, Number.NaN]],
    ["all minus infinity", [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ["one infinite", [0, Number.POSITIVE_INFINITY]],
  ])("are refused: %s", (_name, values) => {
    for (const input of [{ temperature: 0 }, {}, { topK: 1 }, { topP: 0.5 }]) {
      expect(() => sampler(input, 2).sample(Float32Array.from(values), EMPTY)).toThrow(
        expect.objectContaining({ code: "BACKEND_FAILED" }),
      );
    }
  });

  test("a NaN or a ruled-out token among sound ones is never chosen", () => {
    const logits = Float32Array.from([Number.NaN, 1, Number.NEGATIVE_INFINITY, 0]);
    const drawing = sampler({}, 4);
    const tokens = Array.from(
      { length: 200 },
      (_, i) => drawing.sample(logits, { tokens: new Int32Array(i), replyStart: 0 }).token,
    );
    expect(new Set(tokens)).toEqual(new Set([1, 3]));
  });

  test("logits of another vocabulary are a RangeError", () => {
    expect(() => sampler({}, 4).sample(new Float32Array(5), EMPTY)).toThrow(RangeError);
  });
});

test("greedy over 151,936 tokens takes well under a millisecond, a default draw under two", () => {
  const logits = Float32Array.from({ length: 151_936 }, (_, id) => Math.sin(id * 12.9898) * 10 - (id % 97));
  const fastest = (parameters: SamplingParameters): number => {
    const drawing = new Sampler(parameters, logits.length);
    const times = Array.from({ length: 60 }, (_, i) => {
      const start = performance.now();
      drawing.sample(logits, { tokens: new Int32Array(i), replyStart: 0 });
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  expect(fastest(samplingParameters({ temperature: 0 }))).toBeLessThan(0.8);
  expect(fastest(samplingParameters())).toBeLessThan(2);
});
