import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";
import { asMessage, contracted, drawStyle, type Style, spelled } from "./style.ts";
import { plain, type Wording } from "./wording.ts";

const PLAIN: Style = { isAmerican: false, isSloppy: false, isCasual: false };

function marked({ text, values }: Wording): string[] {
  return values.map(({ start, end }) => text.slice(start, end));
}

describe("a user's style", () => {
  it("writes whole sentences, or sloppy ones without a capital and a mark", () => {
    expect(asMessage(plain("where do I live"), "?", PLAIN).text).toBe("Where do I live?");
    expect(asMessage(plain("where do I live"), "?", { ...PLAIN, isSloppy: true }).text).toBe(
      "where do I live",
    );
  });

  it("shortens I am and keeps the mark on the value", () => {
    const clause: Wording = { text: "I am 40 years old", values: [{ start: 5, end: 7 }] };
    const short = contracted(clause, { ...PLAIN, isCasual: true });
    expect(short.text).toBe("I'm 40 years old");
    expect(marked(short)).toEqual(["40"]);
    expect(contracted(clause, PLAIN)).toEqual(clause);
  });

  it("spells as the user does", () => {
    const template = "{P} favourite colour is {V}";
    expect(spelled(template, { ...PLAIN, isAmerican: true })).toBe("{P} favorite color is {V}");
    expect(spelled(template, PLAIN)).toBe(template);
  });

  it("draws every style, and most often the plain one", () => {
    const random = new Random("styles");
    const styles = Array.from({ length: 400 }, () => drawStyle(random));
    for (const trait of ["isAmerican", "isSloppy", "isCasual"] as const) {
      const share = styles.filter((style) => style[trait]).length / styles.length;
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.5);
    }
  });
});
