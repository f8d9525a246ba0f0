import { describe } from "vitest";
import { ContiguousCache } from "./contiguous-cache.ts";
import { kvCacheSuite } from "./kv-cache.suite.ts";

describe("a cache in one run a layer", () => {
  kvCacheSuite({
    newCache: (shape, backend) => new ContiguousCache(shape, backend.bufferType),
    // ggml rounds the queries of single tokens to halves, and sums up values in halves.
    tolerance: 0.03,
  });
});
