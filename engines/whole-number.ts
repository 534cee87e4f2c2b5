/** Whole numbers on a command line. */
import { InvalidArgumentError } from 'commander';

/** What commander calls with the text of an option. It throws what commander prints. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It has to be a whole number from ${min} to ${max}.`);
    return value;
  };
}
