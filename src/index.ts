export { isRondoError, RondoError, type RondoErrorCode } from "./core/errors.ts";
export { type LoadModelOptions, loadModel } from "./engine/load-model.ts";
export type { LogitsOptions, Model } from "./engine/model.ts";
