import { describe } from "vitest";
import { RondoError } from "../core/errors.ts";
import { attentionKernel } from "../ffi/kernel/symbols.ts";
import { kvCacheSuite } from "./kv-cache.suite.ts";
import { PagedCache } from "./paged-cache.ts";

const kernel = attentionKernel();

// Needs a build of the kernel, which a machine without a C++ compiler has not.
describe.skipIf(kernel === undefined)("a cache in pages", () => {
  kvCacheSuite({
    newCache: (shape, backend) => {
      if (kernel === undefined) throw new RondoError("BACKEND_MISSING", "testing pages: there is no kernel");
      return new PagedCache(shape, kernel, backend);
    },
    tolerance: 1e-4,
  });
});
