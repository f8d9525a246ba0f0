import { freemem } from "node:os";
import { RondoError } from "../core/errors.ts";
import { bytesPerToken } from "../kv/kv-cache.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import { type PlacedWeight, placedBytes } from "./weight-placement.ts";

export interface MemoryEstimate {
  readonly weightBytes: number;
  /** KV of the tokens asked about. */
  readonly kvBytes: number;
  /** Intermediate tensors while a prompt is read. */
  readonly computeBytes: number;
  readonly totalBytes: number;
}

/** What a model will take in memory before anything is loaded, with the KV of `numTokens` tokens. */
export function estimateMemory(
  placed: readonly PlacedWeight[],
  h: Hyperparameters,
  { numTokens, batchTokens }: { readonly numTokens: number; readonly batchTokens: number },
): MemoryEstimate {
  const weightBytes = placed.reduce((sum, weight) => sum + placedBytes(weight), 0);
  const kvBytes = numTokens * bytesPerToken(h);
  const attentionWidth = (h.numHeads + 2 * h.numKvHeads) * h.headDim;
  const elementsPerToken = 3 * h.embeddingLength + 2 * attentionWidth + 3 * h.feedForwardLength;
  const computeBytes = 4 * (batchTokens * elementsPerToken + h.vocabularySize);
  return { weightBytes, kvBytes, computeBytes, totalBytes: weightBytes + kvBytes + computeBytes };
}

/** Memory this process can still take: what the machine has free, or less where a container limits it. */
export function availableMemoryBytes(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  const isLimited = limit > 0 && limit < Number.MAX_SAFE_INTEGER;
  return isLimited ? Math.min(freemem(), limit - process.memoryUsage.rss()) : freemem();
}

/** @throws RondoError `MODEL_TOO_LARGE` with both numbers where `estimate` exceeds what is to be had. */
export function checkFits(
  path: string,
  estimate: MemoryEstimate,
  availableBytes: number = availableMemoryBytes(),
): void {
  if (estimate.totalBytes <= availableBytes) return;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  throw new RondoError(
    "MODEL_TOO_LARGE",
    `loading ${path}: it needs ${gib(estimate.totalBytes)} (weights ${gib(estimate.weightBytes)}), ` +
      `${gib(availableBytes)} are free; close other programs or use a smaller quantisation`,
  );
}
