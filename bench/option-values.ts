/** Values of command line options, read the same in every bench. What they throw says what the option takes. */

export const SESSION_KINDS = ['transient', 'persistent'] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

export function numberAboveZero(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} is ${JSON.stringify(text)}; it takes a number above 0`);
  return value;
}

/** Choices with commas between them. */
export function choicesOf<Choice extends string>(
  name: string,
  text: string,
  choices: readonly Choice[],
): Choice[] {
  return text.split(',').map((part) => {
    const choice = choices.find((candidate) => candidate === part);
    if (choice !== undefined) return choice;
    throw new Error(`${name} knows ${choices.join(', ')}, not ${JSON.stringify(part)}`);
  });
}
