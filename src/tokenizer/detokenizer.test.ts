import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Detokenizer, type TokenTexts } from "./detokenizer.ts";

/** Token `i` stands for piece `i`; a `control` token is its last one. */
class Pieces implements TokenTexts {
  readonly #pieces: readonly Uint8Array[];
  readonly #control: number | undefined;

  constructor(pieces: readonly Uint8Array[], control?: number) {
    this.#pieces = pieces;
    this.#control = control;
  }

  tokenBytes(id: number): Uint8Array {
    return this.#pieces[id] ?? new Uint8Array();
  }

  isControl(id: number): boolean {
    return id === this.#control;
  }
}

function cut(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => bytes.slice(edges[i], end));
}

function detokenize(pieces: readonly Uint8Array[]): readonly string[] {
  const detokenizer = new Detokenizer(new Pieces(pieces));
  return [...pieces.map((_, id) => detokenizer.push(id)), detokenizer.flush()];
}

const places = fc.array(fc.nat(1_000), { maxLength: 20 });

describe("however the bytes are cut", () => {
  test("a text comes back, and no piece holds half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), places, (text, places) => {
        const pieces = detokenize(cut(Buffer.from(text), places));
        expect(pieces.join("")).toBe(text);
        for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece);
      }),
    );
  });

  test("bytes that are no text give the same replacement characters", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), places, (bytes, places) => {
        expect(detokenize(cut(bytes, places)).join("")).toBe(
          new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
        );
      }),
    );
  });
});

test("a character comes as soon as its last byte is there", () => {
  const bytes = Buffer.from("é🎵");
  expect(detokenize([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(["", "é", "", "", "", "🎵", ""]);
});

test("an unfinished character ends as one U+FFFD, and the next text starts anew", () => {
  const detokenizer = new Detokenizer(new Pieces([Buffer.from("🎵").subarray(0, 3), Buffer.from("a")]));
  expect([detokenizer.push(0), detokenizer.flush(), detokenizer.push(1), detokenizer.flush()]).toEqual([
    "",
    "\ufffd",
    "a",
    "",
  ]);
});

test("control tokens are left out unless asked for", () => {
  const tokens = new Pieces([Buffer.from("a"), Buffer.from("<|im_end|>")], 1);
  const read = (detokenizer: Detokenizer): string => [0, 1, 0].map((id) => detokenizer.push(id)).join("");
  expect(read(new Detokenizer(tokens))).toBe("aa");
  expect(read(new Detokenizer(tokens, { showControl: true }))).toBe("a<|im_end|>a");
});

test("a byte order mark is kept", () => {
  expect(detokenize([Buffer.from("\ufeffa"), Buffer.from("\ufeff")]).join("")).toBe("\ufeffa\ufeff");
});
