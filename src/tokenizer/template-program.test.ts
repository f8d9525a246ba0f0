import { expect, test } from "vitest";
import { TemplateProgram } from "./template-program.ts";

const LIMITS = { steps: 10_000, textLength: 1_000 };

function run(source: string): string {
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  return new TemplateProgram(source, LIMITS).run({ numbers });
}

test("a template within its limits runs", () => {
  expect(run("{% for n in numbers %}{{ n }},{% endfor %}")).toBe(
    Array.from({ length: 100 }, (_, i) => `${i},`).join(""),
  );
});

test.each([
  ["loops in loops", "{% for a in numbers %}{% for b in numbers %}{{ a }}{% endfor %}{% endfor %}"],
  [
    "loops around nothing",
    "{% for a in numbers %}{% for b in numbers %}{% for c in numbers %}{% endfor %}{% endfor %}{% endfor %}",
  ],
  ["lists made again and again", "{% for a in numbers %}{% set x = numbers[1:] | list %}{% endfor %}"],
])("too many steps: %s", (_name, source) => {
  expect(() => run(source)).toThrow(RangeError);
});

test("a text that grows too long is stopped while it grows", () => {
  const double =
    "{% set ns = namespace(x='ab') %}{% for n in numbers %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
  expect(() => run(double)).toThrow("it writes more than 1000 characters");
  expect(() => run("{% for n in numbers %}{{ '0123456789ab' }}{% endfor %}")).toThrow("characters");
});
