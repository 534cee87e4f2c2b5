/**
 * YAML that people write, with the position of every value, so that a complaint can say file, line and column.
 * Knows nothing of what the values mean.
 */
import { isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';

/** Keys and list indices from the root to a value. */
export type ValuePath = readonly PropertyKey[];

/** What is wrong with one value of a file or an environment variable. */
export interface Problem {
  /** `spokemq.yaml:3:5`, or the name of an environment variable. */
  readonly where: string;
  /** `limits.packetBytesMax`; empty for the document as a whole. */
  readonly key: string;
  readonly what: string;
  readonly fix: string;
}

export function formatProblem(problem: Problem): string {
  const key = problem.key === '' ? '' : `${problem.key}: `;
  const end = problem.fix.endsWith('?') ? '' : '.';
  return `${problem.where}: ${key}${problem.what}. ${problem.fix}${end}`;
}

export class YamlDocument {
  readonly file: string;
  /** Plain objects, lists and scalars; undefined when the text is empty or has syntax problems. */
  readonly value: unknown;
  readonly syntaxProblems: readonly Problem[];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  /** `file` is only used to name positions. */
  constructor(file: string, text: string) {
    this.file = file;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      logLevel: 'silent',
    });
    const problems = [...this.#document.errors, ...this.#document.warnings].map((error) =>
      this.#syntaxProblem(error.pos[0], error.message),
    );
    this.value = problems.length === 0 ? this.#valueOr(problems) : undefined;
    this.syntaxProblems = problems;
  }

  /** `file:line:column` of the key or list item at `path`, or of the nearest ancestor that is written down. */
  whereIs(path: ValuePath): string {
    let node: unknown = this.#document.contents;
    let offset = 0;
    for (const step of path) {
      const next = childOf(node, step);
      if (next === undefined) break;
      offset = next.offset ?? offset;
      node = next.value;
    }
    return this.#at(offset);
  }

  /** Of a reference to what there is not only the value can tell. */
  #valueOr(problems: Problem[]): unknown {
    try {
      return this.#document.toJS() ?? undefined;
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      problems.push(this.#syntaxProblem(0, `${error.message}; a text that begins with * belongs in quotes`));
      return undefined;
    }
  }

  /** What the parser quotes of the file stays out: it may be a password that is not in quotes. */
  #syntaxProblem(offset: number, message: string): Problem {
    const quotesNothing = message.replace(/: .*?(?=;|$)/s, '').replace(/\.$/, '');
    return {
      where: this.#at(offset),
      key: '',
      what: quotesNothing,
      fix: 'Correct the YAML at this place',
    };
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  }
}

function childOf(
  node: unknown,
  step: PropertyKey,
): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isNode(item.key) && String(item.key) === String(step));
    return pair === undefined ? undefined : { value: pair.value, offset: offsetOf(pair.key) };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { value: item, offset: offsetOf(item) };
  }
  return undefined;
}

function offsetOf(value: unknown): number | undefined {
  return isNode(value) ? (value as Node).range?.[0] : undefined;
}
