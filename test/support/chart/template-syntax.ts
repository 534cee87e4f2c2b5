/** Templates of Helm as trees: text, what is printed, and the blocks `if`, `with`, `range` and `define`. */
import { parsePipeline, type Expression } from './template-pipeline.ts';

export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | { readonly kind: 'set'; readonly variable: string; readonly value: Expression }
  | { readonly kind: 'block'; readonly block: BlockKind; readonly arms: readonly Arm[] };

export type BlockKind = 'if' | 'with' | 'range';

export interface Arm {
  /** undefined: `else`. */
  readonly on: Expression | undefined;
  readonly body: readonly TemplateNode[];
}

export interface ParsedTemplate {
  readonly body: readonly TemplateNode[];
  /** By name. */
  readonly defined: ReadonlyMap<string, readonly TemplateNode[]>;
}

type Piece =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'action'; readonly words: string };

const ACTION = /\{\{(-\s)?\s*([\s\S]*?)\s*(\s-)?\}\}/g;
const COMMENT = /^\/\*[\s\S]*\*\/$/;

/** Throws where blocks are not closed, or something is not known. */
export function parseTemplate(source: string): ParsedTemplate {
  const pieces = piecesOf(source);
  const defined = new Map<string, readonly TemplateNode[]>();
  const body = nodesUpTo(pieces, defined);
  if (pieces.length > 0) throw new Error(`{{ ${wordsOf(pieces[0])} }} closes nothing`);
  return { body, defined };
}

/** A hyphen inside of the braces takes the white space outside with it. */
function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let trimStart = false;
  const addText = (to: number, trimEnd: boolean): void => {
    let text = source.slice(from, to);
    if (trimStart) text = text.trimStart();
    if (trimEnd) text = text.trimEnd();
    if (text !== '') pieces.push({ kind: 'text', text });
  };
  for (const match of source.matchAll(ACTION)) {
    addText(match.index, match[1] !== undefined);
    const words = match[2] ?? '';
    if (!COMMENT.test(words)) pieces.push({ kind: 'action', words });
    from = match.index + match[0].length;
    trimStart = match[3] !== undefined;
  }
  addText(source.length, false);
  return pieces;
}

/** Takes pieces away up to an `else` or `end`, or all. */
function nodesUpTo(pieces: Piece[], defined: Map<string, readonly TemplateNode[]>): TemplateNode[] {
  const nodes: TemplateNode[] = [];
  for (;;) {
    const piece = pieces[0];
    if (piece === undefined || /^(end|else)\b/.test(wordsOf(piece))) return nodes;
    pieces.shift();
    if (piece.kind === 'text') {
      nodes.push(piece);
      continue;
    }
    const [, name] = /^define "([^"]+)"$/.exec(piece.words) ?? [];
    if (name !== undefined) {
      defined.set(name, nodesUpTo(pieces, defined));
      close(pieces, piece.words);
    } else {
      nodes.push(nodeOf(piece.words, pieces, defined));
    }
  }
}

function nodeOf(words: string, pieces: Piece[], defined: Map<string, readonly TemplateNode[]>): TemplateNode {
  const [, block, on = ''] = /^(if|with|range)\s+(.*)$/.exec(words) ?? [];
  if (block !== undefined)
    return { kind: 'block', block: block as BlockKind, arms: armsOf(words, on, pieces, defined) };
  const [, variable, value = ''] = /^(\$\w+)\s*:=\s*(.*)$/.exec(words) ?? [];
  if (variable !== undefined) return { kind: 'set', variable, value: parsePipeline(value) };
  return { kind: 'print', value: parsePipeline(words) };
}

function armsOf(
  words: string,
  on: string,
  pieces: Piece[],
  defined: Map<string, readonly TemplateNode[]>,
): Arm[] {
  const arms: Arm[] = [{ on: parsePipeline(on), body: nodesUpTo(pieces, defined) }];
  for (;;) {
    const [matched, condition] = /^else(?:\s+if\s+(.*))?$/.exec(wordsOf(pieces[0])) ?? [];
    if (matched === undefined) break;
    pieces.shift();
    arms.push({
      on: condition === undefined ? undefined : parsePipeline(condition),
      body: nodesUpTo(pieces, defined),
    });
  }
  close(pieces, words);
  return arms;
}

function close(pieces: Piece[], words: string): void {
  if (wordsOf(pieces.shift()) !== 'end') throw new Error(`{{ ${words} }} is not closed`);
}

function wordsOf(piece: Piece | undefined): string {
  return piece?.kind === 'action' ? piece.words : '';
}
