/** `4096` as "4,096". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1` and "token" as "1 token", `2` as "2 tokens". */
export function formatNumber(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Three significant digits with a unit: "3.62 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : significant(value)} ${units[unit]}`;
}

/** `1_235_814_432` as "1.24 B", the way models are named. */
export function formatParameters(count: number): string {
  if (count < 1e6) return formatCount(count);
  return count < 1e9 ? `${significant(count / 1e6)} M` : `${significant(count / 1e9)} B`;
}

/** "35 ms", "1.25 s". */
export function formatMilliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${significant(ms / 1000)} s`;
}

/** "84 tok/s"; undefined where nothing was measured. */
export function formatSpeed(tokensPerSecond: number): string | undefined {
  return tokensPerSecond > 0 ? `${significant(tokensPerSecond)} tok/s` : undefined;
}

/** Three significant digits, more where the whole part has more. */
function significant(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
