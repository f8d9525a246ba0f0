import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StopStrings } from "./stop-strings.ts";

interface Outcome {
  readonly text: string;
  readonly stoppedBy: string | undefined;
}

/** Looks at every beginning of the text in turn. */
function naive(text: string, stops: readonly string[]): Outcome {
  for (let end = 1; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const [longest] = complete.sort((a, b) => b.length - a.length);
    if (longest !== undefined) return { text: text.slice(0, end - longest.length), stoppedBy: longest };
  }
  return { text, stoppedBy: undefined };
}

/** Few letters, so that stop strings overlap one another and themselves. */
const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom("a", "b", "🎵"), maxLength });
const stopStrings = fc.array(
  letters(4).filter((stop) => stop !== ""),
  { maxLength: 4 },
);
const pieces = fc.array(letters(5), { maxLength: 12 });

describe("against looking at the whole text", () => {
  test("the same text is handed out and the same string stops it, however it is cut", () => {
    fc.assert(
      fc.property(pieces, stopStrings, (pieces, stops) => {
        const matcher = new StopStrings(stops);
        const out = pieces.map((piece) => matcher.push(piece)).join("") + matcher.flush();
        expect({ text: out, stoppedBy: matcher.stoppedBy }).toEqual(naive(pieces.join(""), stops));
      }),
      { numRuns: 2_000 },
    );
  });

  test("at any time, what was handed out cannot be part of a stop string that is still to come", () => {
    fc.assert(
      fc.property(pieces, pieces, stopStrings, (before, after, stops) => {
        const matcher = new StopStrings(stops);
        const out = before.map((piece) => matcher.push(piece)).join("");
        expect(naive([...before, ...after].join(""), stops).text.startsWith(out)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

test("text is held back only while it may become a stop string", () => {
  const matcher = new StopStrings(["</end>"]);
  expect(["hi <", "/en", "gine"].map((piece) => matcher.push(piece))).toEqual(["hi ", "", "</engine"]);
});

test("nothing comes after a stop string", () => {
  const matcher = new StopStrings(["\n\n", "END"]);
  expect(["one\n", "\ntwo", "three"].map((piece) => matcher.push(piece))).toEqual(["one", "", ""]);
  expect(matcher.flush()).toBe("");
  expect(matcher.stoppedBy).toBe("\n\n");
});

test("without stop strings text passes through", () => {
  const matcher = new StopStrings([]);
  expect(matcher.push("abc")).toBe("abc");
  expect(matcher.flush()).toBe("");
});

test("an empty stop string is refused", () => {
  expect(() => new StopStrings(["a", ""])).toThrow(RangeError);
});
