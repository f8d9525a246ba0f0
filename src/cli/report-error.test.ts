import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { RondoError, type RondoErrorCode } from "../core/errors.ts";
import { reportError } from "./report-error.ts";
import { Terminal } from "./terminal.ts";

interface Reported {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function report(
  error: unknown,
  options: { readonly isJson?: boolean; readonly isDebug?: boolean } = {},
): Reported {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const streams = { stdin, stdout, stderr } as unknown as ConstructorParameters<typeof Terminal>[0];
  const status = reportError(error, new Terminal(streams, true), {
    isJson: false,
    isDebug: false,
    help: "rondo --help",
    ...options,
  });
  const read = (stream: PassThrough): string => (stream.read() ?? "").toString();
  return { status, stdout: read(stdout), stderr: read(stderr) };
}

describe("reportError", () => {
  const broken = new RondoError("MODEL_CORRUPT", "reading a.gguf: it is torn; copy it again");

  it("tells a person the message and the code, and no stack", () => {
    const { status, stdout, stderr } = report(broken);
    expect(status).toBe(1);
    expect(stderr).toBe("rondo: reading a.gguf: it is torn; copy it again [MODEL_CORRUPT]\n");
    expect(stdout).toBe("");
  });

  it("tells a program the same as one line of JSON", () => {
    const { stdout } = report(broken, { isJson: true });
    expect(JSON.parse(stdout)).toEqual({ error: { code: "MODEL_CORRUPT", message: broken.message } });
    expect(stdout.split("\n")).toHaveLength(2);
  });

  it.each<RondoErrorCode>(["OPTION_INVALID", "OPTION_UNKNOWN", "UNKNOWN_NAME"])(
    "takes %s for wrong usage and names the help",
    (code) => {
      const { status, stderr } = report(new RondoError(code, "reading it: no"));
      expect(status).toBe(2);
      expect(stderr).toContain('"rondo --help"');
    },
  );

  it("says nothing to whoever interrupted", () => {
    const { stderr, stdout } = report(new RondoError("ABORTED", "it was interrupted"), { isJson: true });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).error.code).toBe("ABORTED");
  });

  it("owns up to an error that should not be", () => {
    const { status, stderr } = report(new TypeError("x is undefined"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/should not be: TypeError: x is undefined.*RONDO_DEBUG=1.*\[INTERNAL\]/);
    expect(stderr).not.toContain("report-error");
  });

  it("shows the stack and the cause when debugging", () => {
    const error = new RondoError("BACKEND_FAILED", "computing: no", { cause: new RangeError("the cause") });
    const { stderr } = report(error, { isDebug: true });
    expect(stderr).toContain("report-error.test.ts");
    expect(stderr).toContain("the cause");
  });

  it("lets no escape sequence from a message reach the terminal", () => {
    expect(report(new RondoError("MODEL_CORRUPT", "\u001b[2J")).stderr).not.toContain("\u001b");
  });
});
