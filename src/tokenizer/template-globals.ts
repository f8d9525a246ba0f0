const MAX_RANGE = 1_000_000;

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

/** What a template said against the conversation it was given, by its `raise_exception`. */
export class TemplateRefusal extends Error {}

/** The names that chat templates expect to find, beside the conversation. `now` is what they take for today. */
export function templateGlobals(now: Date): Readonly<Record<string, unknown>> {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range,
    raise_exception: (message: unknown): never => {
      throw new TemplateRefusal(String(message));
    },
    strftime_now: (format: unknown): string => formatTime(now, String(format)),
  };
}

/** Python's range, with an end: a template must not fill the memory. */
function range(...args: readonly number[]): number[] {
  const [start, stop] = args.length < 2 ? [0, args[0] ?? 0] : [args[0] ?? 0, args[1] ?? 0];
  const step = args[2] ?? 1;
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new RangeError(`it asks for a range of ${length} numbers`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** Python's strftime in the C locale, local time: a template's language does not depend on the machine's. */
function formatTime(time: Date, format: string): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const month = MONTHS[time.getMonth()] ?? "";
  const weekday = WEEKDAYS[time.getDay()] ?? "";
  const fields: Readonly<Record<string, string>> = {
    "%Y": String(time.getFullYear()),
    "%y": two(time.getFullYear() % 100),
    "%m": two(time.getMonth() + 1),
    "%d": two(time.getDate()),
    "%B": month,
    "%b": month.slice(0, 3),
    "%A": weekday,
    "%a": weekday.slice(0, 3),
    "%H": two(time.getHours()),
    "%I": two(time.getHours() % 12 || 12),
    "%p": time.getHours() < 12 ? "AM" : "PM",
    "%M": two(time.getMinutes()),
    "%S": two(time.getSeconds()),
    "%%": "%",
  };
  return format.replaceAll(/%./g, (field) => fields[field] ?? field);
}
