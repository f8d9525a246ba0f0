import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Physical cores this process may use: hyper-threads share one core's arithmetic units, so a second thread
 * on the same core makes matrix products slower. Where the system does not tell, all logical ones.
 */
export function physicalCores(): number {
  const logical = availableParallelism();
  const physical = process.platform === "linux" ? linuxPhysicalCores() : undefined;
  return Math.max(1, Math.min(logical, physical ?? logical));
}

function linuxPhysicalCores(): number | undefined {
  const root = "/sys/devices/system/cpu";
  try {
    const cpus = readdirSync(root).filter((name) => /^cpu\d+$/.test(name));
    const cores = new Set(
      cpus.map((cpu) => readFileSync(`${root}/${cpu}/topology/thread_siblings_list`, "utf8").trim()),
    );
    return cores.size === 0 ? undefined : cores.size;
  } catch {
    return undefined;
  }
}
