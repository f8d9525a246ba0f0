import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Metadata } from "../gguf/metadata.ts";
import { ChatTemplate, type RenderOptions, type TemplateMessage } from "./chat-template.ts";
import { Vocabulary } from "./vocabulary.ts";
import { byteLevelMetadata, string, writeVocabulary } from "./vocabulary-fixtures.ts";

interface Conversation {
  readonly name: string;
  readonly messages: readonly TemplateMessage[];
  readonly tools?: readonly object[];
  readonly expected: Readonly<Record<string, string>>;
}

const CONVERSATIONS: readonly Conversation[] = JSON.parse(fixture("conversations.json"));
const NOW = new Date(2025, 6, 4, 21, 5);
const HI: RenderOptions = { messages: [{ role: "user", content: "Hi" }] };

function fixture(name: string): string {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8");
}

function template(source: string): ChatTemplate {
  return new ChatTemplate(source, { bos_token: "<|begin_of_text|>", eos_token: "<|eot_id|>" });
}

function failsWith(message: string): unknown {
  return expect.objectContaining({ code: "TEMPLATE_FAILED", message: expect.stringContaining(message) });
}

describe.each(["llama-3.2", "qwen2.5", "qwen3"])("the template of %s", (model) => {
  const real = template(fixture(`${model}.jinja`));

  test.each(CONVERSATIONS)("writes $name as jinja2 does", ({ messages, tools, expected }) => {
    const text = real.render({ messages, tools, addGenerationPrompt: true, now: NOW });
    expect(text).toBe(expected[model]);
  });

  test("reads tool arguments as the OpenAI API carries them, too", () => {
    const [, , conversation] = CONVERSATIONS;
    const asText = JSON.parse(JSON.stringify(conversation?.messages), (key, value) =>
      key === "arguments" ? JSON.stringify(value) : value,
    );
    const options = { tools: conversation?.tools, addGenerationPrompt: true, now: NOW };
    expect(real.render({ ...options, messages: asText })).toBe(conversation?.expected[model]);
  });

  test("writes the same text with and without an empty list of tools", () => {
    expect(real.render({ ...HI, tools: [], now: NOW })).toBe(real.render({ ...HI, now: NOW }));
  });

  test("opens no reply unless asked to", () => {
    const opened = real.render({ ...HI, addGenerationPrompt: true, now: NOW });
    const closed = real.render({ ...HI, now: NOW });
    expect(opened.startsWith(closed)).toBe(true);
    expect(opened.slice(closed.length)).toContain("assistant");
  });
});

test("further variables reach the template but replace none of its own", () => {
  const qwen3 = template(fixture("qwen3.jinja"));
  const options = { ...HI, addGenerationPrompt: true };
  expect(qwen3.render({ ...options, variables: { enable_thinking: false } })).toBe(
    `${qwen3.render(options)}<think>\n\n</think>\n\n`,
  );
  expect(
    template("{{ bos_token }}{{ messages[0].content }}").render({
      ...HI,
      variables: { bos_token: "x", messages: [] },
    }),
  ).toBe("<|begin_of_text|>Hi");
});

test("parts of text are joined, and a message without content is empty", () => {
  const join = template("{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}");
  const parts = [
    { type: "text", text: "one " },
    { type: "text", text: "two" },
  ] as const;
  const messages = [{ role: "user", content: parts }, { role: "assistant", content: null }, { role: "tool" }];
  expect(join.render({ messages })).toBe("[user:one two][assistant:][tool:]");
});

test("broken JSON in a tool call is shown as it was written", () => {
  const show = template("{{ messages[0].tool_calls[0].function.arguments }}");
  const calls = [{ function: { name: "f", arguments: '{"a": ' } }];
  expect(show.render({ messages: [{ role: "assistant", tool_calls: calls }] })).toBe('{"a": ');
});

test("the time is the one given, in English", () => {
  const clock = template('{{ strftime_now("%A %d %B %Y %H:%M|%a %b %y %I %p %m %S %% %Q") }}');
  expect(clock.render({ ...HI, now: NOW })).toBe("Friday 04 July 2025 21:05|Fri Jul 25 09 PM 07 00 % %Q");
});

test("range counts as Python's does", () => {
  const count = template(
    "{{ range(3) | join }} {{ range(2, 5) | join }} {{ range(5, 0, -2) | join }} {{ range(3, 1) | join }}",
  );
  expect(count.render(HI)).toBe("012 234 531 ");
});

describe("a failure is TEMPLATE_FAILED", () => {
  test("with the template's own words where it refuses the conversation", () => {
    const refuse = template("{{ raise_exception('Roles must alternate!') }}");
    expect(() => refuse.render(HI)).toThrow(failsWith("Roles must alternate!"));
  });

  test("where the source is no template", () => {
    expect(() => template("{% if %}")).toThrow(failsWith("reading the chat template"));
    expect(() => template("{{ 'open }}")).toThrow(failsWith("reading the chat template"));
  });

  test("where it uses what is not there", () => {
    expect(() => template("{{ nothing() }}").render(HI)).toThrow(failsWith("not a function"));
  });

  test("where it asks for more than there can be", () => {
    expect(() => template("{{ range(1000000000) }}").render(HI)).toThrow(failsWith("range"));
    expect(() => template("{{ range(1, 2, 0) }}").render(HI)).toThrow(failsWith("range"));
    expect(() => template("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").render(HI)).toThrow(
      failsWith(""),
    );
  });
});

describe("of a model file", () => {
  test("it knows the special tokens by their names", async () => {
    const metadata = byteLevelMetadata().set(
      "tokenizer.chat_template",
      string("{{ bos_token }}|{{ eos_token }}"),
    );
    await using file = await writeVocabulary(metadata);
    using vocabulary = await Vocabulary.load(file.path);
    const fromFile = ChatTemplate.fromModel(new Metadata(file.path, metadata), vocabulary);
    expect(fromFile.render(HI)).toBe("<|endoftext|>|<|im_end|>");
  });

  test("a file without one is TEMPLATE_MISSING", async () => {
    await using file = await writeVocabulary(byteLevelMetadata());
    using vocabulary = await Vocabulary.load(file.path);
    expect(() => ChatTemplate.fromModel(new Metadata(file.path, byteLevelMetadata()), vocabulary)).toThrow(
      expect.objectContaining({ code: "TEMPLATE_MISSING" }),
    );
  });
});
