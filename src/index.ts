export { isRondoError, RondoError, type RondoErrorCode } from "./core/errors.ts";
export type { Message, TextPart } from "./core/message.ts";
export type { SamplingParameters } from "./core/sampling-parameters.ts";
export type { Chat, ChatOptions, SendOptions } from "./engine/chat.ts";
export { type LoadModelOptions, loadModel } from "./engine/load-model.ts";
export type { LogitsOptions, Model } from "./engine/model.ts";
export type { FinishReason, Reply, ReplyPiece, ReplyResult, Timings, Usage } from "./engine/reply.ts";
export type { TokenLogprobs } from "./engine/sampling/logprobs.ts";
