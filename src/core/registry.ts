import { RondoError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

/** Named plug-ins of one kind; shared code asks by name and never which one it got. */
export class Registry<Entry extends { readonly name: string }> {
  readonly #kind: string;
  readonly #entries = new Map<string, Entry>();

  /** @throws RangeError on a name that is there twice. */
  constructor(kind: string, entries: readonly Entry[]) {
    this.#kind = kind;
    for (const entry of entries) {
      if (this.#entries.has(entry.name)) throw new RangeError(`${kind} "${entry.name}" is registered twice`);
      this.#entries.set(entry.name, entry);
    }
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  find(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** @throws RondoError `UNKNOWN_NAME`, with the names that exist and the one that may have been meant. */
  get(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const nearest = nearestName(name, this.names);
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
    throw new RondoError(
      "UNKNOWN_NAME",
      `choosing the ${this.#kind} "${name}": there is none of that name; known are ${this.names.join(", ")}${hint}`,
    );
  }
}
