import { nearestName } from "../core/nearest-name.ts";

/** What a line of a chat that starts with a slash can ask for. */
export interface ChatActions {
  /** Writes what was asked for. */
  print(text: string): void;
  /** Starts a new chat, with `system` as its system prompt if one is given. */
  restart(system?: string): Promise<void>;
  readonly system: string | undefined;
  /** What the chat cost so far, in lines. */
  statistics(): string;
  leave(): void;
}

interface SlashCommand {
  readonly name: string;
  /** What may follow the name. */
  readonly hint?: string;
  readonly does: string;
  run(actions: ChatActions, text: string): void | Promise<void>;
}

const SLASH_COMMANDS: readonly SlashCommand[] = [
  { name: "/help", does: "show this", run: (actions) => actions.print(chatHelp()) },
  { name: "/clear", does: "forget everything and start a new chat", run: (actions) => actions.restart() },
  {
    name: "/system",
    hint: "TEXT",
    does: "start a new chat with this system prompt; without TEXT, show the present one",
    run: (actions, text) => {
      if (text !== "") return actions.restart(text);
      actions.print(actions.system ?? "There is no system prompt.");
      return undefined;
    },
  },
  {
    name: "/stats",
    does: "show tokens, speed and memory",
    run: (actions) => actions.print(actions.statistics()),
  },
  { name: "/exit", does: "leave; so does Ctrl-D", run: (actions) => actions.leave() },
];

export const SLASH_NAMES: readonly string[] = SLASH_COMMANDS.map(({ name }) => name);

/** Does what a line that starts with a slash says; one that is no command is explained, never sent to the model. */
export async function runSlashCommand(line: string, actions: ChatActions): Promise<void> {
  const [, name = "", text = ""] = /^(\S+)\s*(.*)$/s.exec(line.trim()) ?? [];
  const command = SLASH_COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command.run(actions, text);
  const nearest = nearestName(name, SLASH_NAMES);
  const hint = nearest === undefined ? "/help lists the commands." : `did you mean ${nearest}?`;
  actions.print(`There is no ${name}; ${hint} Put a space before the slash to send it to the model.`);
}

function chatHelp(): string {
  const rows = SLASH_COMMANDS.map(({ name, hint = "", does }) => `  ${`${name} ${hint}`.padEnd(14)} ${does}`);
  return [
    ...rows,
    `  ${"Ctrl-C".padEnd(14)} stop the reply and keep what was written; again, or at the prompt: leave`,
  ].join("\n");
}
