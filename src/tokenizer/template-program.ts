import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";

/** Bounds on what a template may do, so that one from a stranger's file cannot hang or fill the process. */
export interface TemplateLimits {
  /** Evaluated expressions, with the elements of the lists they make. 10,000 messages take about a million. */
  readonly steps: number;
  /** Characters of any text it builds. */
  readonly textLength: number;
}

const DEFAULT_LIMITS: TemplateLimits = { steps: 20_000_000, textLength: 64 * 2 ** 20 };

interface Node {
  readonly type: string;
  readonly body?: unknown[];
}

interface Result {
  readonly value: unknown;
}

/** The part of the interpreter that we use; the package's own types do not resolve from ES modules. */
interface OpenInterpreter {
  evaluate(node: Node | undefined, environment: unknown): Result;
  run(program: unknown): Result;
}

/** A Jinja template, ready to run. Throws the interpreter's errors as they are. */
export class TemplateProgram {
  readonly #program: unknown;
  readonly #limits: TemplateLimits;

  constructor(source: string, limits: TemplateLimits = DEFAULT_LIMITS) {
    this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    this.#limits = limits;
  }

  /**
   * The template's text with these variables.
   *
   * @throws RangeError where it passes a limit.
   */
  run(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    const interpreter = new Interpreter(environment) as unknown as OpenInterpreter;
    bound(interpreter, this.#limits);
    return String(interpreter.run(this.#program).value);
  }
}

function bound(interpreter: OpenInterpreter, { steps, textLength }: TemplateLimits): void {
  const evaluate = interpreter.evaluate.bind(interpreter);
  let stepsLeft = steps;
  interpreter.evaluate = (node, environment) => {
    // A loop around nothing would not come back here at each turn.
    if (node?.type === "For" && node.body?.length === 0) node.body.push({ type: "Comment", value: "" });
    const result = evaluate(node, environment);
    const { value } = result;
    stepsLeft -= Array.isArray(value) && node?.type !== "Identifier" ? value.length + 1 : 1;
    if (stepsLeft < 0) throw new RangeError(`it takes more than ${steps} steps`);
    if (typeof value === "string" && value.length > textLength) {
      throw new RangeError(`it writes more than ${textLength} characters`);
    }
    return result;
  };
}
