import { expect, test } from "vitest";
import { isRondoError, RondoError } from "./errors.ts";

test("an error carries its code, its message and its cause", () => {
  const cause = new TypeError("below");
  const error = new RondoError("MODEL_CORRUPT", "loading x: it is broken; get another", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "RondoError",
    code: "MODEL_CORRUPT",
    message: "loading x: it is broken; get another",
    cause,
  });
});

test("an error without a cause has no property of that name", () => {
  expect("cause" in new RondoError("ABORTED", "computing: stopped")).toBe(false);
});

test("the error of a code is told from others", () => {
  const error: unknown = new RondoError("DISPOSED", "using a model: it was closed");
  expect(isRondoError(error)).toBe(true);
  expect(isRondoError(error, "DISPOSED")).toBe(true);
  expect(isRondoError(error, "ABORTED")).toBe(false);
});

test.each([new Error("x"), { code: "DISPOSED", name: "RondoError" }, null, undefined, "DISPOSED"])(
  "%s is no RondoError",
  (value) => {
    expect(isRondoError(value)).toBe(false);
  },
);
