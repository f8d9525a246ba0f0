import { describe, expect, it } from "vitest";
import { type ChatActions, runSlashCommand, SLASH_NAMES } from "./slash-commands.ts";

/** Notes what a command asked the chat to do. */
class Recorder implements ChatActions {
  readonly done: string[] = [];
  readonly system = "Be brief.";

  print(text: string): void {
    this.done.push(text);
  }

  async restart(system?: string): Promise<void> {
    this.done.push(`restart ${system}`);
  }

  statistics(): string {
    return "statistics";
  }

  leave(): void {
    this.done.push("leave");
  }
}

async function run(line: string): Promise<readonly string[]> {
  const recorder = new Recorder();
  await runSlashCommand(line, recorder);
  return recorder.done;
}

describe("runSlashCommand", () => {
  it("lists every command under /help", async () => {
    const [help = ""] = await run("/help");
    for (const name of SLASH_NAMES) expect(help).toContain(name);
    expect(help).toContain("Ctrl-C");
  });

  it("keeps the system prompt when the chat is cleared", async () => {
    expect(await run("/clear")).toEqual(["restart undefined"]);
  });

  it("starts a new chat with the system prompt that follows, spaces and all", async () => {
    expect(await run("/system  You are  brief. ")).toEqual(["restart You are  brief."]);
  });

  it("shows the system prompt where none follows", async () => {
    expect(await run("/system")).toEqual(["Be brief."]);
  });

  it("shows statistics and leaves", async () => {
    expect(await run("/stats")).toEqual(["statistics"]);
    expect(await run("/exit ")).toEqual(["leave"]);
  });

  it("explains what is no command, with the nearest that is, and does nothing else", async () => {
    expect(await run("/exti")).toEqual([expect.stringContaining("There is no /exti")]);
    expect(await run("/stat")).toEqual([expect.stringContaining("did you mean /stats?")]);
    expect(await run("/")).toEqual([expect.stringContaining("/help lists the commands")]);
  });
});
