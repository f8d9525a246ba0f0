import { readFileSync } from "node:fs";

const DYNSYM = 11;
const FUNCTION = 2;
const SECTION_HEADER = { type: 4, offset: 24, size: 32, link: 40 } as const;
const SYMBOL_BYTES = 24;

/** Names of the functions that a 64-bit little-endian ELF library defines and exports, as `nm -D` lists them. */
export function exportedFunctions(path: string): readonly string[] {
  const file = readFileSync(path);
  const sectionAt = Number(file.readBigUInt64LE(0x28));
  const sectionBytes = file.readUInt16LE(0x3a);
  const section = (index: number): { type: number; offset: number; size: number; link: number } => {
    const at = sectionAt + index * sectionBytes;
    return {
      type: file.readUInt32LE(at + SECTION_HEADER.type),
      offset: Number(file.readBigUInt64LE(at + SECTION_HEADER.offset)),
      size: Number(file.readBigUInt64LE(at + SECTION_HEADER.size)),
      link: file.readUInt32LE(at + SECTION_HEADER.link),
    };
  };
  const sections = Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => section(index));
  const symbols = sections.find(({ type }) => type === DYNSYM);
  if (symbols === undefined) throw new RangeError(`${path} has no table of dynamic symbols`);
  const names = section(symbols.link).offset;

  const found: string[] = [];
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += SYMBOL_BYTES) {
    const isFunction = (file.readUInt8(at + 4) & 0xf) === FUNCTION;
    const isDefined = file.readUInt16LE(at + 6) !== 0;
    if (!isFunction || !isDefined) continue;
    const start = names + file.readUInt32LE(at);
    found.push(file.toString("latin1", start, file.indexOf(0, start)));
  }
  return found;
}
