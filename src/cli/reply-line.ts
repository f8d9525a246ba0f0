import type { ReplyResult } from "../engine/reply.ts";
import { formatCount, formatMilliseconds, formatNumber, formatSpeed } from "./quantities.ts";

/** How full a conversation is, in tokens. */
export interface ContextUse {
  readonly used: number;
  readonly length: number;
}

/** The line under a reply: how it ended, its speed, what was cached, how full the context is. */
export function replyLine(
  { finishReason, usage, timings }: ReplyResult,
  { used, length }: ContextUse,
): string {
  const { promptTokens, cachedTokens, completionTokens } = usage;
  const hasRead = promptTokens > 0;
  const parts = [
    finishReason === "aborted" ? "stopped" : undefined,
    formatNumber(completionTokens, "token"),
    formatSpeed(timings.decodeTokensPerSecond),
    completionTokens > 0 ? `first after ${formatMilliseconds(timings.ttftMs)}` : undefined,
    hasRead ? `cached ${formatCount(cachedTokens)}/${formatCount(promptTokens)}` : undefined,
    `context ${formatCount(used)}/${formatCount(length)}`,
  ];
  return parts.filter((part) => part !== undefined).join(" · ");
}
